"""Chats with bora through a pseudo-terminal: chat.py BORA MODEL. Called by chat.sh."""

import fcntl
import os
import pty
import re
import select
import signal
import stat
import sys
import tempfile
import termios
import time

BORA, MODEL = sys.argv[1:3]
TIMEOUT_S = 60
signal.alarm(300)  # nothing here takes long
home = tempfile.mkdtemp()
history = os.path.join(home, "bora", "history")


class Chat:
    """bora with a terminal of its own; standard output is `stdout`, or the terminal. `model` may be None."""

    def __init__(self, *options, stdout=None, model=MODEL):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            if stdout is not None:
                os.dup2(stdout, 1)
            env = dict(os.environ, XDG_STATE_HOME=home, TERM="vt100", NO_COLOR="1", HOME=home)
            named = ["-m", model] if model else []
            os.execve(BORA, [BORA, "run", *named, "--temperature", "0", *options], env)
        self.seen = ""

    def read(self):
        ready, _, _ = select.select([self.terminal], [], [], 1)
        if ready:
            try:
                data = os.read(self.terminal, 4096)
            except OSError:  # the other side is closed
                data = b""
            self.seen += data.decode(errors="replace")
            return len(data) > 0
        return True

    def expect(self, pattern):
        """Waits for the pattern and forgets what came before its end."""
        end = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, self.seen)):
            if not self.read() or time.monotonic() > end:
                sys.exit(f"chat.py: expected {pattern!r}, found {self.seen!r}")
        before = self.seen[: found.end()]
        self.seen = self.seen[found.end() :]
        return before

    def wait_for_mode(self, line_mode):
        """Until bora reads single keys; with `line_mode`, until it has taken a line and keys make signals again."""
        while bool(termios.tcgetattr(self.terminal)[3] & termios.ICANON) != line_mode:
            time.sleep(0.01)

    def type(self, keys):
        """Types at the prompt."""
        self.expect("> ")
        self.wait_for_mode(line_mode=False)
        os.write(self.terminal, keys.encode())

    def say(self, line, answer):
        """Types a line; the answer has to match."""
        self.type(line + "\n")
        return self.expect(answer)

    def leave(self, keys, code=0):
        self.type(keys)
        self.ends(code)

    def ends(self, code=0):
        """Until bora ends, with that exit code; returns the rest of what it said."""
        end = time.monotonic() + TIMEOUT_S
        while self.read() and time.monotonic() < end:
            pass
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) != code:
            sys.exit(f"chat.py: exit code {os.waitstatus_to_exitcode(status)}, expected {code}: {self.seen!r}")
        return self.seen


def commands():
    chat = Chat("-n", "4")
    chat.expect(r"\\help lists the commands")
    chat.say("\\help", r"\\topp X")
    chat.say("\\temperature 2.5", r"from 0 to 2, not \"2.5\"")
    chat.say("\\temperature -1", r"from 0 to 2")
    chat.say("\\temperature warm", r"not \"warm\"")
    chat.say("\\temperature", r"temperature is 0\r")
    chat.say("\\temperature 0.5", r"temperature is 0.5\r")
    chat.say("\\topk 0", r"whole number above 0")
    chat.say("\\topk 1.5", r"whole number above 0")
    chat.say("\\topk 7", r"topk is 7\r")
    chat.say("\\topp 1.01", r"from 0 to 1,")
    chat.say("\\topp 0.9", r"topp is 0.9\r")
    chat.say("\\system Be brief.", r"system message is set")
    chat.say("\\clear", r"forgotten")
    chat.say("\\exit now", r"takes no argument")
    chat.say("\\foo", r"no command \\foo; \\help")
    # Ctrl-C at the prompt clears the line: what follows is a command and not part of it.
    chat.leave("half a line\x03\\exit\n")


def turns():
    with open(os.path.join(home, "template.jinja"), "w") as f:
        f.write("{% if messages|length > 2 %}{{ raise_exception('there are ' ~ messages|length) }}{% endif %}Hi")
    chat = Chat("-n", "4", "--throughput", "-c", f.name)
    chat.say("one", r"\(0 cached\)")
    chat.say("two", r"there are 3")  # user, assistant, user
    chat.say("three", r"there are 3")  # the failed turn did not happen
    chat.say("\\clear", "forgotten")
    chat.say("four", r"\([1-9]\d* cached\)")
    chat.say("\\system short", "is set")
    chat.say("five", r"there are 4")
    chat.leave("\x04")


def context_is_full():
    chat = Chat("--max-seq-len", "48")
    chat.say("Hello", r"context of 48 tokens is full; \\clear")
    chat.say("and " * 40, r"48; \\clear starts over")
    chat.leave("\x04")


def answers_alone_on_stdout():
    read, write = os.pipe()
    chat = Chat("-n", "8", stdout=write)
    os.close(write)
    chat.say("Hello", "\n")
    chat.say("\\help", r"\\topp X")
    chat.leave("\x04")
    said = os.read(read, 65536)
    assert said.endswith(b"\n") and said.count(b"\n") >= 1, said
    for other in (b"> ", b"help", b"context", b"\x1b"):
        assert other not in said, said


def interrupted():
    # Standard output is full: the answer has to wait with its first word, and is sure to be under way.
    read, write = os.pipe()
    size = fcntl.fcntl(write, fcntl.F_GETPIPE_SZ)
    os.write(write, b"." * size)
    chat = Chat(stdout=write)
    os.close(write)
    chat.type("Hello\n")
    chat.wait_for_mode(line_mode=True)
    os.write(chat.terminal, b"\x03")
    time.sleep(0.3)
    while size > 0:
        size -= len(os.read(read, size))
    chat.expect(r"\(stopped\)")
    chat.say("\\help", r"\\topp X")
    chat.leave("\x04")


def remembers_lines():
    mode = stat.S_IMODE(os.stat(history).st_mode)
    assert mode == 0o600, oct(mode)
    chat = Chat("-n", "1")
    chat.say("\\topk 33", "topk is 33")
    chat.leave("\x04")
    chat = Chat("-n", "1")
    chat.say("\x10", "topk is 33")  # Ctrl-P: the line before
    chat.leave("\x04")


def no_model():
    offer = r"bora run -m FOLDER .* bora run -f FILE.gguf\r\n.*Run models/demo, the small assistant.*\? \[Y/n\] "
    for yes in ("\n", "y\n", "Yes\n"):
        chat = Chat(model=None)
        chat.expect(offer)
        os.write(chat.terminal, yes.encode())
        chat.expect(r"models/demo \(")
        chat.say("\\help", r"\\topp X")
        chat.leave("\x04")
    for no in ("n\n", "maybe\n", "\x04"):
        chat = Chat("-i", "Hello", model=None)
        chat.expect(offer)
        os.write(chat.terminal, no.encode())
        assert "needs -m PATH or -f FILE" in chat.ends(code=2), no
    chat = Chat("-i", "Hello", model=None)
    chat.expect(offer)
    os.write(chat.terminal, b"\n")
    rest = chat.ends()
    assert re.search(r"\w", rest) and "models/demo" not in rest, rest


for test in (commands, turns, context_is_full, answers_alone_on_stdout, interrupted, remembers_lines, no_model):
    test()
    print("passed:", test.__name__)
