/* All that differs between those who run the tests: root, an ordinary user, one with a range of
   subordinate ids, one who was given a cgroup (tests/users.py, tests/vm/init). Read by the C tests
   (container/box.h), by tap.py for the Python ones, and by run.py: it takes these skips for what
   they are and no others, and names a row whose test does not exist.

   The first table: who runs a test. One that no row names is run by everybody, in full.
     root         root alone
     ordinary     everybody else
     several-ids  root, and an ordinary user who was given more ids than their own
     ranged       only such a user
     given X Y    root, and an ordinary user who was given a cgroup of v2, with these controllers
     since 1.2    root, and an ordinary user of that Linux or a later one
   A row: who; file; names of tests, in which * is any text; why others do not. */
#ifndef DIFFERENCES_H
#define DIFFERENCES_H

#define DIFFERENT_TESTS(X)                                                                         \
  X("several-ids", "container/test_identity",                                                      \
    "uid_gid_and_groups_are_taken ids_of_a_map_are_those_outside",                                 \
    "one id can be mapped, one's own, and setgroups(2) is denied: user_namespaces(7)")             \
  X("root", "container/test_identity", "the_callers_groups_are_not_kept",                          \
    "the caller has to take groups first, by CAP_SETGID: setgroups(2)")                            \
  X("root", "container/test_identity", "the_callers_inheritable_capabilities_stay_outside",        \
    "there are none to be inherited: capabilities(7)")                                             \
                                                                                                   \
  X("ranged", "container/test_maps",                                                               \
    "the_default_maps_what_is_given_* another_uid_* files_can_be_given_* "                         \
    "a_range_that_is_not_given_* what_a_helper_says_* one_map_by_a_helper_* "                      \
    "ones_own_id_need_not_*",                                                                      \
    "subordinate ids are given to users by name: subuid(5)")                                       \
  X("several-ids", "container/test_maps", "a_terminal_belongs_to_another_id_of_the_map*",          \
    "one id can be mapped, one's own: user_namespaces(7)")                                         \
  X("root", "container/test_maps",                                                                 \
    "files_made_inside_* nobody_can_be_who_* pipes_belong_* maps_of_a_map_* "                      \
    "groups_with_a_single_id_are_roots a_source_that_a_group_* ids_that_are_given_but_*",          \
    "the tester maps ids of its choice, and takes groups: user_namespaces(7), setgroups(2)")       \
  X("ordinary", "container/test_maps", "groups_with_a_single_id_are_refused",                      \
    "root may set groups there: user_namespaces(7)")                                               \
                                                                                                   \
  X("root", "container/test_idmap",                                                                \
    "a_bind_shows_other_owners_* a_bind_of_the_hosts_disk_* a_map_reaches_* without_a_map_* "      \
    "or_those_of_* a_root_that_belongs_* a_new_file_system_* a_copied_up_* a_mapped_bind_* "       \
    "a_caller_that_ignores_* "                                                                     \
    "what_cannot_be_mapped_* what_is_mapped_already_*",                                            \
    "whose files a mount shows is for who mounted the file system to say: mount_setattr(2)")       \
  X("root", "container/test_idmap",                                                                \
    "flags_of_the_hosts_mounts_* nothing_is_lifted_below_* a_device_that_only_* "                  \
    "a_way_that_the_child_has_changed_*",                                                          \
    "the tester mounts, and makes nodes: mount(2), mknod(2)")                                      \
  X("ordinary", "container/test_idmap", "an_ordinary_user_is_told_who_can_map_ids",                \
    "root can: mount_setattr(2)")                                                                  \
                                                                                                   \
  X("root", "container/test_mounts", "every_attribute_holds_on_a_bind_mount",                      \
    "what is bound has the flags of the host's mount, which a user namespace cannot clear: "       \
    "mount_namespaces(7), \"Restrictions on mount namespaces\"")                                   \
  X("root", "container/test_mounts", "only_rbind_takes_along_what_is_below",                       \
    "in a user namespace nothing is bound without the mounts that are below it: "                  \
    "mount_namespaces(7), \"Restrictions on mount namespaces\"")                                   \
  X("root", "container/test_mounts",                                                               \
    "a_root_that_is_read_only_already_can_be_used "                                                \
    "what_is_mounted_below_a_read_only_root_*",                                                    \
    "the tester mounts it so: mount(2)")                                                           \
  X("root", "container/test_mounts", "device_nodes_* a_file_in_the_place_of_a_device_*",           \
    "device nodes need CAP_MKNOD in the first user namespace: mknod(2)")                           \
  X("ordinary", "container/test_mounts", "a_device_of_the_host_is_bound_*",                        \
    "root makes nodes of its own: mknod(2)")                                                       \
                                                                                                   \
  X("root", "container/test_namespaces", "ids_in_mounts_must_be_mapped",                           \
    "the default of others has no such ids, or maps them: ctr_config_default()")                   \
  X("root", "container/test_namespaces", "the_domain_name_setting_is_written",                     \
    "in a user namespace kernel.domainname belongs to root outside: "                              \
    "Documentation/admin-guide/sysctl/kernel.rst")                                                 \
  X("since 6.9", "container/test_namespaces", "ipc_settings_are_written",                          \
    "before, settings of an ipc namespace belonged to root outside in every user namespace: "      \
    "Documentation/admin-guide/sysctl/kernel.rst")                                                 \
  X("root", "container/test_namespaces",                                                           \
    "the_hosts_own_namespace_is_not_changed_by_way_of_its_path",                                   \
    "to join it needs CAP_SYS_ADMIN in the user namespace that owns it: setns(2)")                 \
  X("ordinary", "container/test_namespaces", "an_ordinary_user_without_a_user_namespace_is_told",  \
    "root needs none: namespaces(7)")                                                              \
                                                                                                   \
  X("root", "container/test_process", "pipes_of_the_caller_become_the_process_s",                  \
    "root gives them away: chown(2)")                                                              \
  X("ordinary", "container/test_process", "io_init_gives_nobody_what_is_not_ours",                 \
    "root gives to anybody: chown(2)")                                                             \
  X("ordinary", "container/test_process", "pipe_fds_of_another_users_process_have_no_names",       \
    "root may look at any process: ptrace(2), \"Ptrace access mode checking\"")                    \
                                                                                                   \
  X("given", "container/test_interrupted", "*_in_a_cgroup",                                        \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("given pids", "container/test_limits", "a_fork_bomb_*",                                        \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
  X("given memory", "container/test_limits", "a_memory_hog_* one_mebibyte_*",                      \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
  X("given cpu", "container/test_limits", "a_busy_loop_*",                                         \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
  X("given", "container/test_limits", "freezing_* every_field_is_in_its_file",                     \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
                                                                                                   \
  X("given", "container/test_cgroups", "*_v2 threaded_cgroups_hide_nobody",                        \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("root", "container/test_cgroups",                                                              \
    "*_v1 *_unfrozen *_hybrid a_cpuset_* names_the_kernel_refuses_are_errors "                     \
    "what_an_ancestor_froze_cannot_be_thawed without_a_freezer_nothing_is_frozen "                 \
    "where_somebody_is_inside_stays_and_the_others_go",                                            \
    "cgroups of v1 are root's: systemd.resource-control(5), \"Delegate=\"")                        \
  X("root", "container/test_cgroups",                                                              \
    "the_root_of_a_hierarchy_* mounts_are_not_walked_into version_2_without_cgroup_kill_*",        \
    "the tester mounts hierarchies and files over them: mount(2)")                                 \
                                                                                                   \
  X("given", "container/test_cgroup_events", "*_v2 a_stall_is_told",                               \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("root", "container/test_cgroup_events",                                                        \
    "*_v1 *_hybrid v1_knows_no_pressure a_containers_end_is_seen_and_counted "                     \
    "interfaces_of_a_joined_namespace_are_its_own",                                                \
    "cgroups of v1 are root's: systemd.resource-control(5), \"Delegate=\"")                        \
  X("root", "container/test_cgroup_mount", "*",                                                    \
    "the tester mounts hierarchies in the place of the machine's: mount(2)")                       \
                                                                                                   \
  X("given", "container/test_device_filter",                                                       \
    "without_rights_it_is_said_which_are_missing_v2 a_cgroup_that_is_not_there_v2",                \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("root", "container/test_device_filter",                                                        \
    "what_is_denied_* a_node_is_made_* a_container_has_* the_kernel_does_* an_update_* "           \
    "a_thousand_* cgroups_below_* *_v1 programs_of_others_stay several_of_ours_* "                 \
    "a_filter_that_suffers_no_other_* what_the_verifier_says_*",                                   \
    "a device filter needs CAP_BPF and CAP_NET_ADMIN, or a cgroup of v1: bpf(2)")                  \
                                                                                                   \
  X("given", "cli/test_lifecycle",                                                                 \
    "all_processes_are_signalled_* paused_processes_* pause_and_resume_* exec_waits_* "            \
    "a_paused_container_* ps_has_*",                                                               \
    "processes are found, frozen and counted by their cgroup: cgroup-v2.rst, \"Delegation\"")      \
  X("root", "cli/test_lifecycle", "a_process_that_took_over_the_pid_is_left_alone",                \
    "it chooses the next pid, by ns_last_pid: pid_namespaces(7)")                                  \
  X("root", "cli/test_lifecycle", "every_process_ends those_that_outlive_the_first_*",             \
    "in a user namespace procfs takes a pid namespace of its own: user_namespaces(7)")             \
  X("given", "cli/test_exec", "it_joins_every_cgroup",                                             \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("several-ids", "cli/test_exec", "users_and_groups",                                            \
    "one id can be mapped, one's own: user_namespaces(7)")                                         \
  X("root", "cli/test_exec", "into_one_that_shares_the_hosts_pids",                                \
    "in a user namespace procfs takes a pid namespace of its own: user_namespaces(7)")             \
  X("root", "cli/test_exec", "into_one_with_a_user_namespace nothing_of_the_host_is_seen_*",       \
    "others have a user namespace in every test: user_namespaces(7)")                              \
  X("given", "cli/test_events", "more_of_them_* what_is_not_there",                                \
    "statistics are those of a cgroup: cgroup-v2.rst, \"Delegation\"")                             \
  X("given memory pids", "cli/test_events", "statistics_once out_of_memory",                       \
    "statistics are those of a cgroup: cgroup-v2.rst, \"Delegation\"")                             \
  X("given memory pids cpu cpuset", "cli/test_update",                                             \
    "it_is_made_* memory_and_* quota_and_* every_flag limits_are_* json_* what_fails_* "           \
    "what_was_changed_* created_running_* what_runs_* a_cgroup_that_* memory_alone_* zeros_of_* "  \
    "numbers_that_* a_value_that_*",                                                               \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
  X("given hugetlb", "cli/test_update", "huge_pages",                                              \
    "limits are set below a cgroup of one's own: cgroup-v2.rst, \"Delegation\"")                   \
  X("root", "cli/test_state", "one_that_belongs_to_another_is_refused",                            \
    "to give a directory away needs CAP_CHOWN: chown(2)")                                          \
  X("several-ids", "cli/test_commands", "users_groups_and_capabilities_are_set",                   \
    "one id can be mapped, one's own: user_namespaces(7)")                                         \
  X("given", "cli/test_commands", "ps_lists_its_processes",                                        \
    "processes are found by their cgroup: cgroup-v2.rst, \"Delegation\"")                          \
  X("several-ids", "cli/test_sandbox", "more_ids", "ids are given to users by name: subuid(5)")    \
  X("ordinary", "cli/test_sandbox", "more_ids_have_to_be_given",                                   \
    "root may map any: user_namespaces(7)")                                                        \
  X("ordinary", "cli/test_sandbox",                                                                \
    "without_a_user_namespace_an_id_* capabilities terminals_with_a_name",                         \
    "others have a user namespace in every sandbox: namespaces(7)")                                \
  X("root", "cli/test_sandbox", "as_root_an_id_* capabilities_of_root",                            \
    "others have a user namespace in every sandbox: namespaces(7)")                                \
  X("given memory pids cpu", "cli/test_sandbox", "limits_of_all_together",                         \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("given pids", "cli/test_sandbox", "nothing_stays_when_it_is_told_to_end",                      \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("ordinary", "cli/test_sandbox", "limits_hold_or_are_refused", "root sets any: cgroups(7)")     \
  X("ordinary", "cli/test_bad_input", "a_root_that_may_not_* a_config_that_may_not_*",             \
    "root may, by CAP_DAC_OVERRIDE: capabilities(7)")                                              \
  X("root", "cli/test_bad_input", "a_device_rule_says_what_is_meant",                              \
    "for others rules are warned of before they are read: CAP_BPF, bpf(2)")                        \
  X("root", "cli/test_bundles", "bundles_run_but_for_*",                                           \
    "others have one id, and bundles of their own: user_namespaces(7)")                            \
  X("ordinary", "cli/test_bundles", "rootless_bundles_*",                                          \
    "root has bundles of its own: user_namespaces(7)")                                             \
  X("root", "cli/test_covered", "*",                                                               \
    "the tester mounts, and becomes another user: mount(2), setresuid(2)")                         \
  X("root", "cli/test_descriptors", "create_with_a_user_namespace create_that_joins_namespaces",   \
    "others have a user namespace in every test: user_namespaces(7)")                              \
  X("given", "cli/test_descriptors",                                                               \
    "at_a_paused_one the_processes_of_one kill_of_a_paused_one pause_and_resume "                  \
    "forced_delete_of_a_paused_one",                                                               \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("root", "cli/test_hostile", "a_cgroup_with_processes_in_it_*",                                 \
    "the tester makes cgroups in every hierarchy: cgroups(7)")                                     \
  X("given memory pids", "cli/test_judge",                                                         \
    "a_program_* an_exit_code a_signal time_* memory output processes two_at_once nobody_reads_* " \
    "what_it_leaves_* it_can_change_* what_cannot_*",                                              \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("ordinary", "cli/test_judge", "without_limits_nothing_is_judged", "root sets any: cgroups(7)") \
  X("root", "cli/test_nested", "as_root_with_ranges",                                              \
    "others map their own ids: user_namespaces(7)")                                                \
  X("ranged", "cli/test_nested", "with_subordinate_ids",                                           \
    "subordinate ids are given to users by name: subuid(5)")                                       \
  X("root", "cli/test_pidfd_socket", "by_way_of_a_process_that_joins_first",                       \
    "others have a user namespace in every test: user_namespaces(7)")                              \
  X("given", "cli/test_threads", "it_is_paused_resumed_and_listed",                                \
    "cgroups are made below one's own: cgroup-v2.rst, \"Delegation\"")                             \
  X("root", "cli/test_threads", "one_that_shares_the_hosts_pids_ends_too",                         \
    "in a user namespace procfs takes a pid namespace of its own: user_namespaces(7)")             \
  X("root", "cli/test_callers", "the_first_process_of_a_pid_namespace",                            \
    "others would be in a user namespace with it, with other ids: user_namespaces(7)")             \
  X("root", "security/test_entering", "CVE_2016_9962_while_it_waits_*",                            \
    "others could not enter what they may not trace: setns(2), ptrace(2)")                         \
  X("root", "security/test_entering",                                                              \
    "User_namespace_of_the_first_process_* State_that_tells_of_no_user_namespace_*",               \
    "others have a user namespace in every test: user_namespaces(7)")                              \
  X("root", "security/test_entering",                                                              \
    "CVE_2016_9962_in_a_new_user_namespace_* CVE_2016_9962_of_an_id_map_* "                        \
    "CVE_2016_9962_with_the_callers_pids_*",                                                       \
    "who is root where others start theirs has their rights already: ptrace(2)")                   \
  X("ordinary", "security/test_entering", "Environment_while_it_waits_*",                          \
    "who may trace it is not traced: PR_SET_DUMPABLE(2const)")                                     \
  X("root", "security/test_audit", "of_a_container_with_a_user_namespace",                         \
    "others have a user namespace in every test: user_namespaces(7)")                              \
  X("root", "security/test_leaks", "Null_device_of_the_host_*",                                    \
    "the host's device belongs to nobody in a user namespace: user_namespaces(7)")                 \
  X("root", "security/test_leaks",                                                                 \
    "Link_for_a_stream_that_is_not_given_* Null_device_given_to_* Nodes_of_a_sandbox_* "           \
    "Null_device_of_its_own_* Null_device_without_another_* Null_device_that_went_away_*",         \
    "others have the host's device bound, which is nobody's there: user_namespaces(7)")            \
  X("root", "security/test_leaks", "Null_device_bound_*",                                          \
    "nobody else can map root of the host: user_namespaces(7)")                                    \
  X("root", "security/test_leaks", "Root_of_the_caller_*", "chroot(2) takes CAP_SYS_CHROOT")       \
  X("root", "security/test_inputs", "State_root_of_another_*", "chown(2) takes CAP_CHOWN")         \
  X("given", "security/test_inputs", "Handle_of_what_was_deleted_is_there_*",                      \
    "a container without a cgroup is known by its first process: cgroups(7)")                      \
  X("root", "security/test_inputs", "Signals_and_pids_*",                                          \
    "the next pid is root's to choose: pid_namespaces(7)")                                         \
  X("several-ids", "security/test_identity", "CVE_2020_5291_*_of_roots_*",                         \
    "one id can be mapped, one's own: user_namespaces(7)")                                         \
  X("root", "security/test_program", "*_of_a_root_that_is_* *_that_others_may_write_*",            \
    "nobody else can map root of the host: user_namespaces(7)")                                    \
  X("root", "security/test_host_files",                                                            \
    "FilesOfTheMachineInAUserNamespace_* FilesOfTheMachine_is_there_*",                            \
    "the files are root's, and others have a user namespace in every test: "                       \
    "user_namespaces(7)")                                                                          \
  X("given", "security/test_host_files",                                                           \
    "CVE_2023_25809_is_there_* CgroupMount_is_there_* CgroupEscape_is_there_* "                    \
    "CVE_2022_0492_from_*_is_there_*",                                                             \
    "who has no cgroup can write to none: cgroup-v2.rst, \"Delegation\"")                          \
  X("root", "security/test_host_files", "CVE_2022_0492_is_there_*",                                \
    "the host's cgroup namespace is root's to mount from: cgroup_namespaces(7)")                   \
  X("root", "security/test_host_files", "CVE_2022_0492_of_a_root_that_is_another_*",               \
    "nobody else can map root of the host: user_namespaces(7)")                                    \
  X("root", "security/test_host_files", "DevicesMadeInside_is_there_* DevicesNotAllowed_*",        \
    "device nodes need CAP_MKNOD in the first user namespace: mknod(2)")                           \
  X("root", "security/test_paths", "DevicesOfTheImage_*",                                          \
    "the tester makes device nodes: mknod(2)")                                                     \
  X("root", "security/test_paths", "RemountElsewhere_is_there_*",                                  \
    "flags of what the host has mounted are locked: mount_namespaces(7)")                          \
  X("root", "security/test_paths", "SetModeOfTheMachine_is_there_*",                               \
    "what is there belongs to root: chmod(2)")                                                     \
  X("root", "security/test_paths", "CVE_2025_31133_of_the_image_is_there_*",                       \
    "others bind the host's node over whatever is there: mknod(2)")                                \
  X("root", "security/test_races", "CVE_2025_31133_*", "the tester makes device nodes: mknod(2)")

/* What they see that differs: type, name; as root; as an ordinary user; why. */
#define DIFFERENT_VALUES(X)                                                                        \
  X(uint32_t, root_uid, 100000, geteuid(),                                                         \
    "who root of box_mapped is outside: user_namespaces(7), \"Defining user and group ID "         \
    "mappings\"")                                                                                  \
  X(uint32_t, root_gid, 100000, getegid(), "likewise")                                             \
  X(const char *, setgroups, "allow", "deny", "user_namespaces(7), \"/proc/pid/setgroups\"")       \
  X(ctr_default_kind, simplest, CTR_DEFAULT_ROOT, CTR_DEFAULT_SINGLE_ID,                           \
    "the default config with the fewest ids: user_namespaces(7)")                                  \
  X(uint32_t, plain_uid, 1000, geteuid(), "who user 1000 of box_plain is outside")                 \
  X(uint32_t, plain_gid, 1000, getegid(), "likewise")                                              \
  X(uint32_t, with_each, 0, CTR_NS_USER,                                                           \
    "a namespace that comes or is joined with every other, for the right to: namespaces(7)")       \
  X(const char *, cgroups, "/", "",                                                                \
    "linux.cgroupsPath begins with: from the top, or beside one's own cgroup: config-linux.md, "   \
    "\"Cgroups Path\"; cgroup-v2.rst, \"Delegation\"")

/* What they may or may not, which depends on the machine as well: type, name; whether; why. */
#define MACHINE_FACTS(X)                                                                           \
  X(bool, may_raise_limits, have_cap(CTR_CAP_SYS_RESOURCE),                                        \
    "hard limits, and a lower OOM score: setrlimit(2), proc_pid_oom_score_adj(5). Root of a "      \
    "machine that is a container itself may lack it")                                              \
  X(bool, may_be_real_time, have_cap(CTR_CAP_SYS_NICE),                                            \
    "sched(7), \"Privileges and resource "                                                         \
    "limits\"")

#endif
