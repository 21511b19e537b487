"""examples/notify.c: a program without a network that may talk to one address, and to no other."""

import socket
import threading
import unittest

from oci import BUILD, run

PYTHON = "/usr/bin/python3"


class Server:
    """Says hello to whoever comes, and counts them."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.came = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.came += 1
            conn.sendall(b"hello")
            conn.close()


class Agent(unittest.TestCase):
    def setUp(self):
        self.allowed, self.other = Server(), Server()
        for server in (self.allowed, self.other):
            self.addCleanup(server.sock.close)

    def inside(self, code):
        """What Python says inside, where allowed and other are the ports."""
        ports = f"allowed, other = {self.allowed.port}, {self.other.port}\n"
        result = run(BUILD / "notify", "127.0.0.1", self.allowed.port, "--", PYTHON, "-c",
                     "import fcntl, os, socket, threading\n" + ports + code)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_one_address_is_reached(self):
        said = self.inside("s = socket.create_connection(('127.0.0.1', allowed))\n"
                           "print(s.recv(9), s.getpeername()[1] == allowed)")
        self.assertEqual(said, "b'hello' True\n")
        self.assertEqual(self.allowed.came, 1)

    def test_no_other_is(self):
        said = self.inside("for port in (other, 1):\n"
                           "  try: socket.create_connection(('127.0.0.1', port))\n"
                           "  except OSError as e: print(e.strerror)\n"
                           "try: socket.create_connection(('192.0.2.1', allowed))\n"
                           "except OSError as e: print(e.strerror)")
        self.assertEqual(said, 2 * "Connection refused\n" + "Network is unreachable\n")
        self.assertEqual((self.allowed.came, self.other.came), (0, 0))

    def test_what_is_no_stream_stays_what_it_is(self):
        """Also of a thread, whose process is to be found first."""
        said = self.inside("def kinds():\n"
                           "  u = socket.socket(type=socket.SOCK_DGRAM)\n"
                           "  u.connect(('127.0.0.1', allowed))\n"
                           "  print(u.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == u.type)\n"
                           "  s = socket.create_connection(('127.0.0.1', allowed))\n"
                           "  print(s.recv(9))\n"
                           "kinds()\n"
                           "t = threading.Thread(target=kinds); t.start(); t.join()")
        self.assertEqual(said, 2 * "True\nb'hello'\n")
        self.assertEqual(self.allowed.came, 2)

    def test_ports_are_numbers(self):
        for port in ("0", "70000", "65536", "x", "80x", "-1", " 80", "", "99999999999999999999"):
            result = run(BUILD / "notify", "127.0.0.1", port, "--", "true")
            self.assertEqual((result.returncode, result.stderr[:6]), (1, "usage:"), port)

    def test_the_socket_is_as_it_was(self):
        said = self.inside("for cloexec in (True, False):\n"
                           "  s = socket.socket(); s.set_inheritable(not cloexec)\n"
                           "  number = s.fileno(); s.connect(('127.0.0.1', allowed))\n"
                           "  print(s.fileno() == number, os.get_inheritable(number), s.recv(9))\n"
                           "s = socket.socket(); s.setblocking(False)\n"
                           "s.connect(('127.0.0.1', allowed))\n"
                           "print(bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK))")
        self.assertEqual(said, "True False b'hello'\nTrue True b'hello'\nTrue\n")

    def test_own_sockets_of_the_container_are_its_own(self):
        said = self.inside("a = socket.create_server(('127.0.0.1', 0))\n"
                           "b = socket.create_connection(a.getsockname()); b.send(b'own')\n"
                           "print(a.accept()[0].recv(9))\n"
                           "a = socket.socket(socket.AF_UNIX); a.bind('/tmp/s'); a.listen()\n"
                           "b = socket.socket(socket.AF_UNIX); b.connect('/tmp/s'); print('unix')")
        self.assertEqual(said, "b'own'\nunix\n")

    def test_an_address_that_changes_meanwhile_leads_nowhere_else(self):
        """A second thread changes the port all the time: what is checked is what is connected to."""
        said = self.inside("""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
packed = [struct.pack("<H", socket.AF_INET) + struct.pack("!H", port) + bytes([127, 0, 0, 1]) +
          bytes(8) for port in (allowed, other)]
address = ctypes.create_string_buffer(packed[0], 16)
stop = False
def swap():
    while not stop:
        for p in packed: ctypes.memmove(address, p, 16)
thread = threading.Thread(target=swap); thread.start()
peers, tried = set(), 0
while tried < 300 or (not peers and tried < 100_000):
    tried += 1
    s = socket.socket()
    if libc.connect(s.fileno(), address, 16) == 0: peers.add(s.getpeername()[1])
    s.close()
stop = True; thread.join()
print(peers == {allowed})
""")
        self.assertEqual(said, "True\n")
        self.assertEqual(self.other.came, 0)
        self.assertGreater(self.allowed.came, 0)

    def test_the_programs_end_is_its_own(self):
        for command, code in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "(sleep 0.1; :) & exit 3"], 3),
                              (["/nothing"], 1)):
            result = run(BUILD / "notify", "127.0.0.1", "1", "--", *command)
            self.assertEqual(result.returncode, code, result.stderr)


if __name__ == "__main__":
    unittest.main()
