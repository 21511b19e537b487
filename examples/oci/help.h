/* Help and completion: what the tables say, for people and for bash. */

static void print_option(const option_row *row) {
  char left[64], letter[] = "-x, ";
  letter[1] = row->letter;
  snprintf(left, sizeof left, "%s--%s%s%s", row->letter ? letter : "    ", row->name,
           row->argument ? " " : "", row->argument ? row->argument : "");
  printf("  %-38s %s\n", left, row->help);
}

static void print_options(const char *title, const option_row *rows) {
  printf("\n%s:\n", title);
  for (; rows->name; rows++) print_option(rows);
}

static int print_command_help(const command *c) {
  printf("usage: ctr-oci [GLOBAL OPTION...] %s [OPTION...] %s\n\n%s\n", c->name, c->operands,
         c->help);
  print_options("options", c->options);
  return 0;
}

static int print_help(const command *commands, const option_row *globals) {
  printf("usage: ctr-oci [GLOBAL OPTION...] COMMAND [OPTION...] ...\n\n"
         "An OCI runtime's command line on top of ctr.h.\n\n"
         "commands (ctr-oci COMMAND --help tells their options):\n");
  for (const command *c = commands; c->name; c++) printf("  %-11s %s\n", c->name, c->help);
  print_options("global options", globals);
  return 0;
}

/* -- bash -- */

/* "--bundle -b ": all names of all options. */
static void print_names(const option_row *rows) {
  for (; rows->name; rows++) {
    printf("--%s ", rows->name);
    if (rows->letter) printf("-%c ", rows->letter);
  }
}

/* A case pattern for the words that need an argument after them. */
static void print_patterns(const char *command_name, const option_row *row) {
  printf("%s:--%s", command_name, row->name);
  if (row->letter) printf("|%s:-%c", command_name, row->letter);
}

/* What can follow an option, by what help calls its argument. */
static void print_arguments(const char *command_name, const option_row *rows) {
  for (; rows->name; rows++) {
    if (!rows->argument) continue;
    printf("  ");
    print_patterns(command_name, rows);
    if (!strcmp(rows->argument, "DIR"))
      printf(") kind=-d ;;\n");
    else if (!strcmp(rows->argument, "FILE") || !strcmp(rows->argument, "SOCKET"))
      printf(") kind=-f ;;\n");
    else if (strchr(rows->argument, '|'))
      printf(") kind=-W words='%s' ;;\n", rows->argument);
    else
      printf(") return ;;\n");
  }
}

/* Skips the options before the command, of which --root says where containers are. Bash splits
   words at "=", too. */
static void print_globals(const option_row *globals) {
  printf("  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n    ");
  for (const option_row *row = globals; row->name; row++)
    if (row->argument) printf("--%s | ", row->name);
  printf("-)\n"
         "      option=${COMP_WORDS[i++]}\n"
         "      [[ ${COMP_WORDS[i]} == = ]] && ((i++))\n"
         "      [[ $option == --root ]] && root=(--root \"${COMP_WORDS[i]}\")\n"
         "      ;;\n"
         "    -*) ;;\n"
         "    *) command=${COMP_WORDS[i]}; break ;;\n"
         "    esac\n"
         "  done\n");
}

static void print_words(const command *commands, const option_row *globals) {
  printf("    case $command in\n    '') words='");
  print_names(globals);
  for (const command *c = commands; c->name; c++) printf("%s ", c->name);
  printf("' ;;\n");
  for (const command *c = commands; c->name; c++) {
    printf("    %s) words='", c->name);
    print_names(c->options);
    printf("%s'%s ;;\n", islower((unsigned char)*c->operands) ? c->operands : "",
           takes_id(c) ? "; ids=1" : "");
  }
  printf("    esac\n");
}

static int print_completion(const command *commands, const option_row *globals) {
  printf("# Completion of ctr-oci for bash: source <(ctr-oci completion bash)\n"
         "_ctr_oci() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "  local command= option= kind= words= ids= root=() i\n"
         "  COMPREPLY=()\n"
         "  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "  [[ $cur == = ]] && cur=\n");
  print_globals(globals);
  printf("  case $command:$prev in\n");
  print_arguments("", globals);
  for (const command *c = commands; c->name; c++) print_arguments(c->name, c->options);
  printf("  esac\n"
         "  if [[ $kind == -W ]]; then\n"
         "    words=${words//|/ }\n"
         "  elif [[ $kind ]]; then\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t COMPREPLY < <(compgen $kind -- \"$cur\")\n"
         "    return\n"
         "  else\n");
  print_words(commands, globals);
  printf("    if [[ $ids && $cur != -* ]]; then\n"
         "      words=$(ctr-oci \"${root[@]}\" list --quiet 2>/dev/null)\n"
         "    fi\n"
         "  fi\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -F _ctr_oci ctr-oci\n");
  return 0;
}
