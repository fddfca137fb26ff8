"""Chats with bora through a pseudo-terminal: chat.py BORA MODEL. Called by chat.sh."""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import stat
import sys
import tempfile
import termios
import threading
import time

sys.dont_write_bytecode = True
import script_model

BORA, MODEL = sys.argv[1:3]
TIMEOUT_S = 60
signal.alarm(300)  # nothing here takes long
folder = tempfile.TemporaryDirectory()  # goes with the program
home = folder.name
history = os.path.join(home, "bora", "history")


class Chat:
    """bora with a terminal of its own; standard input and output are `stdin` and `stdout`, or the terminal. `model` may
    be None."""

    def __init__(self, *options, stdin=None, stdout=None, model=MODEL, term="vt100", colour=False):
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            if stdin is not None:
                os.dup2(stdin, 0)
            if stdout is not None:
                os.dup2(stdout, 1)
            env = dict(os.environ, XDG_STATE_HOME=home, TERM=term, NO_COLOR="" if colour else "1", HOME=home)
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
            self.seen += self.decoder.decode(data)
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
        self.expect(r">(\x1b\[0m)? ")
        self.wait_for_mode(line_mode=False)
        os.write(self.terminal, keys.encode())

    def say(self, line, answer):
        """Types a line; the answer has to match."""
        self.type(line + "\n")
        return self.expect(answer)

    def paste(self, text):
        """Pastes at the prompt, as terminals do, and waits until it was taken."""
        self.type("")
        pasted = ("\x1b[200~" + text + "\x1b[201~").encode()
        writer = threading.Thread(target=write_all, args=(self.terminal, pasted))
        writer.start()
        if text[-5:].isprintable():
            self.expect(re.escape(text[-5:]))
        writer.join()

    def leave(self, keys, code=0):
        self.type(keys)
        self.wait_for_end(code)

    def wait_for_end(self, code=0):
        """Until bora ends, with that exit code; returns the rest of what it said."""
        end = time.monotonic() + TIMEOUT_S
        while self.read() and time.monotonic() < end:
            pass
        _, status = os.waitpid(self.pid, 0)
        if os.waitstatus_to_exitcode(status) != code:
            sys.exit(f"chat.py: exit code {os.waitstatus_to_exitcode(status)}, expected {code}: {self.seen!r}")
        return self.seen


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def template(name, text):
    path = os.path.join(home, name)
    with open(path, "w") as f:
        f.write(text)
    return path


# What a chat would ask the model: templates that say it instead.
SHOW_MESSAGE = template("message.jinja", "{{ raise_exception(messages[-1].content | tojson ~ ' was said') }}")
SHOW_LENGTH = template("length.jinja", "{{ raise_exception('length ' ~ messages[-1].content | length) }}")
SHOW = "{% if messages[-1].content == 'show' %}{{ raise_exception(messages | tojson) }}{% endif %}"


def was_said(text):
    """What expect() has to find when SHOW_MESSAGE got this text; the error message quotes the backslashes of JSON once more
    or not at all."""
    return re.escape(json.dumps(text, ensure_ascii=False) + " was said")


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
    chat.say("\\think", r"leaves no choice of thinking")
    chat.say("\\think maybe", r"on or off, not \"maybe\"")
    chat.leave("\\exit\n")


def interrupted_lines():
    chat = Chat("-c", SHOW_MESSAGE)
    chat.say("half a line\x03whole", was_said("whole"))
    chat.say("hälf ą 線\x03\x03\x03whole", was_said("whole"))
    chat.say("left\x01\x03whole", was_said("whole"))
    chat.type("")
    os.kill(chat.pid, signal.SIGINT)  # from elsewhere: the line goes on
    time.sleep(0.2)
    os.write(chat.terminal, b"whole\n")
    chat.expect(was_said("whole"))
    # Ctrl-D leaves only where there is nothing on the line.
    chat.type("text\x04\n")
    chat.expect(was_said("text"))
    chat.leave("text\x04\x03\x04")


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
        assert "needs -m PATH or -f FILE" in chat.wait_for_end(code=2), no
    chat = Chat("-i", "Hello", model=None)
    chat.expect(offer)
    os.write(chat.terminal, b"\n")
    rest = chat.wait_for_end()
    assert re.search(r"\w", rest) and "models/demo" not in rest, rest


def characters():
    chat = Chat("-c", SHOW_MESSAGE)
    chat.say("aé線😀z", was_said("aé線😀z"))
    chat.say("aé線😀z\x7f\x7f\x7f\x7fb", was_said("ab"))
    chat.say("é線\x02\x02x\x05y", was_said("xé線y"))  # Ctrl-B: left, Ctrl-E: to the end
    chat.say("ab c\x1b[1;5D\x1b[1;5D\x1b[3~x\x1b[Fy", was_said("xb cy"))  # Ctrl-Left, Delete, End
    chat.say("ae\u0301b\x02\x7f\x7fo", was_said("aob"))  # a mark without a width of its own
    chat.type("ae\u0301b\x02")
    chat.expect("b\x08$")
    os.write(chat.terminal, b"X")
    chat.expect("Xb\x08$")
    os.write(chat.terminal, b"\n")
    chat.expect(was_said("ae\u0301Xb"))
    chat.type("")
    os.write(chat.terminal, b"\xff\xc3(\xe2\x82ok\n")
    chat.expect(r'\(?ok" was said')
    chat.leave("\x04")


def pasted():
    chat = Chat("-c", SHOW_MESSAGE, term="xterm")
    chat.expect(re.escape("\x1b[?2004h"))
    chat.paste("one\ntwo\r\nthree")
    os.write(chat.terminal, b" four\n")
    assert "\x1b[?2004l" in chat.expect(was_said("one\ntwo\nthree four"))
    chat.paste("\n\n\tdéf f():\r\r\x1b[31m\x07\x00\x9b3m\x7fred\n")
    os.write(chat.terminal, b"\n")
    seen = chat.expect(was_said("\n\n\tdéf f():\n\n[31m3mred"))
    assert "\x1b[31m" not in seen and "\x9b" not in seen and "\x07" not in seen, seen
    chat.type("before after" + "\x02" * 5)
    chat.seen += "> "
    chat.paste("and\nthen ")
    os.write(chat.terminal, b"\n")
    chat.expect(was_said("before and\nthen after"))
    chat.paste("\n")
    os.write(chat.terminal, b"\n")
    # The same from the keyboard.
    chat.say("one\\\ntwo\x1b\rthree\x1b\nfour \\ five", was_said("one\ntwo\nthree\nfour \\ five"))
    chat.paste("\\think\non")
    os.write(chat.terminal, b"\n")
    chat.expect("thinking is on")
    chat.leave("\x04")
    assert chat.seen.count("\x1b[?2004l") == 1, chat.seen

    # In another chat, lines of several lines come back from the history.
    chat = Chat("-c", SHOW_MESSAGE)
    chat.say("\x10\x10", was_said("one\ntwo\nthree\nfour \\ five"))
    chat.say("\x10\x10\x10\x10\x0e and more", was_said("one\ntwo\nthree\nfour \\ five and more"))
    chat.leave("\x04")


def pasted_at_length():
    line = "wörd 線 and more of it\n"
    text = line * (100_000 // len(line.encode())) + "the end"
    chat = Chat("-c", SHOW_LENGTH, term="xterm")
    start = time.monotonic()
    chat.paste(text)
    os.write(chat.terminal, b"\n")
    chat.expect(f"length {len(text)}\r")
    assert time.monotonic() - start < 20
    chat.paste(text[-20_000:])
    os.write(chat.terminal, b"\n")
    chat.expect("length 20000\r")
    chat.leave("\x04")
    chat = Chat("-c", SHOW_LENGTH)
    chat.say("\x10", "length 20000\r")
    chat.leave("\x04")


def leaves_the_terminal_alone():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        chat = Chat(term="xterm")
        chat.type("abc")
        chat.expect("abc")
        os.kill(chat.pid, number)
        chat.wait_for_end(-number)
        assert chat.seen.endswith("\x1b[?2004l"), chat.seen
    chat = Chat("-n", "1", term="dumb", colour=True)
    seen = chat.expect("leaves")
    chat.leave("\x04")
    assert "\x1b" not in seen + chat.seen, seen + chat.seen


def grey_and_plain(seen):
    """The text in grey, and the text that is not, with other sequences taken out."""
    grey = "".join(re.findall(r"\x1b\[2m(.*?)\x1b\[0m", seen, re.S))
    plain = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", re.sub(r"\x1b\[2m.*?\x1b\[0m", "", seen, flags=re.S))
    return grey.replace("\r", ""), plain.replace("\r", "")


THOUGHTS = ["<think>", "\n\nLet", " me see <b>,\n\n線", "路", " ok.", "\n", "</thi", "nk>", "\n\n\n", "The ", "answer\n", "is 2."]
SPOKEN = "The answer\nis 2."


def thinking():
    model = os.path.join(home, "thinks")
    script_model.write(model, THOUGHTS, SHOW + "{{ messages[-1].content }}[GO]")
    chat = Chat(model=model, term="xterm", colour=True)
    chat.type("hi\n")
    grey, plain = grey_and_plain(chat.expect(r"is 2\.\r\n"))
    assert grey == "Let me see <b>,\n\n線路 ok.", grey
    assert plain.endswith(f"hi\n\n\n{SPOKEN}\n"), plain
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": SPOKEN}, {"role": "user", "content": "show"}]
    chat.say("show", re.escape(json.dumps(turns)))
    chat.leave("\x04")

    # Without colours there are tags; elsewhere than on a terminal there is what the model says.
    chat = Chat("-i", "hi", model=model)
    chat.wait_for_end()
    assert chat.seen.replace("\r", "") == f"<think>\nLet me see <b>,\n\n線路 ok.\n</think>\n\n{SPOKEN}\n", chat.seen
    read, write = os.pipe()
    chat = Chat("-q", model=model, stdout=write)
    os.close(write)
    chat.type("hi\n")
    chat.say("show", re.escape(json.dumps(turns)))
    chat.leave("\x04")
    said = os.read(read, 65536).decode()
    assert said == "".join(THOUGHTS) + "\n", said


def thinking_of_templates():
    model = os.path.join(home, "opened")
    choice = "{% if enable_thinking is defined and not enable_thinking %}The {% else %}<think>\n{% endif %}"
    script_model.write(model, THOUGHTS[1:], SHOW + choice, start="<think>\n")
    chat = Chat("-n", "40", model=model)
    chat.say("hi", "<think>\r\nLet me see")
    chat.expect(r"ok.\r\n</think>\r\n\r\nThe answer\r\nis 2.\r\n")
    chat.say("\\think", "as the model's template has it")
    chat.say("\\think off", "thinking is off\r")
    chat.type("hi\n")
    assert "<think>" not in chat.expect("answer\r\nis 2.\r\n")
    chat.say("\\think on", "thinking is on\r")
    chat.say("\\think", "thinking is on\r")
    chat.say("hi", "<think>")
    chat.leave("\x04")

    model = os.path.join(home, "special")
    pieces = ["[THINK]", "Let", " me see", "[/THINK]", *THOUGHTS[-3:]]
    script_model.write(model, pieces, "[GO]", special=("[THINK]", "[/THINK]"))
    chat = Chat(model=model)
    chat.say("hi", "<think>\r\nLet me see\r\n</think>\r\n\r\nThe answer\r\n")
    chat.leave("\x04")


def conventions_of_the_architecture():
    """Stop tokens, tags of thinking and marks of calls that only the architecture knows of."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "configs", "arch", "llama.toml")) as f:
        head, rest = f.read().split("[chat]\n")
    file = os.path.join(home, "own.toml")
    with open(file, "w") as f:
        f.write(head + """[chat]
stop = ["[not a token]", "[HALT]"]
[[chat.thinking]]
begin = "<|mull|>"
end = "<|so|>"
answer = ["<|reply|>"]
[[chat.tools]]
when = "not in the template"
begin = "yes"
[[chat.tools]]
begin = "<|call|>"
""" + rest[rest.index("[graph]"):])
    model = os.path.join(home, "own")
    marks = ["<|mull|>", "<|so|>", "<|reply|>", "<|call|>", "[HALT]"]
    pieces = ["<|mull|>", "deep", "<|so|>", "<|reply|>", "yes", "<|call|>", "now", "[HALT]", "no"]
    script_model.write(model, pieces, "[GO]", special=marks)
    chat = Chat("-i", "hi", "--arch", file, model=model)
    chat.wait_for_end()
    assert chat.seen.replace("\r", "") == "<think>\ndeep\n</think>\n\nyes<|call|>now\n", chat.seen
    chat = Chat("-i", "hi", model=model)
    chat.wait_for_end()
    assert chat.seen.replace("\r", "") == "deepyesnowno\n", chat.seen


def unfinished_thinking():
    model = os.path.join(home, "thinks")
    chat = Chat("-n", "3", model=model, term="xterm", colour=True)
    chat.type("hi\n")
    seen = chat.expect("no answer: .*\n")
    assert grey_and_plain(seen)[0].startswith("Let me see <b>,\n\n線(no answer"), seen
    chat.say("show", r'"assistant", "content": ""')
    chat.leave("\x04")

    model = os.path.join(home, "endless")
    script_model.write(model, ["<think>", *(f"{i:05} " * 300 for i in range(200))], SHOW + "[GO]")
    chat = Chat(model=model, term="xterm", colour=True)
    chat.type("hi\n")
    chat.wait_for_mode(line_mode=True)
    time.sleep(0.3)  # nobody reads: the answer is under way until the terminal takes no more
    os.write(chat.terminal, b"\x03")
    seen = chat.expect(r"\(stopped\)\x1b\[0m")
    assert "00199" not in seen and re.search(r"\x1b\[0m[^\x1b]*\x1b\[2m\(stopped\)", seen), seen[-200:]
    turns = [{"role": "user", "content": "show"}]
    chat.say("show", re.escape(json.dumps(turns)))
    chat.leave("\x04")


def no_answer():
    model = os.path.join(home, "silent")
    script_model.write(model, [], "[GO]")
    chat = Chat("--throughput", model=model, term="xterm", colour=True)
    chat.type("hi\n")
    grey, plain = grey_and_plain(chat.expect(r"no answer\)\x1b\[0m\r\n"))
    assert re.search(r"tokens/s; 0 .*\(no answer\)$", grey), grey
    assert plain.endswith("hi\n\n\n"), plain
    chat.leave("\x04")


def piped_prompts():
    read, write = os.pipe()
    os.write(write, b"hi\n")
    os.close(write)
    chat = Chat(model=os.path.join(home, "thinks"), stdin=read)
    chat.wait_for_end()
    assert chat.seen.replace("\r", "").endswith(f"\n</think>\n\n{SPOKEN}\n"), chat.seen


def long_prompts():
    chat = Chat("--max-seq-len", "100000", "-c", template("long.jinja", "{{ 'word ' * 20000 }}"))
    chat.say("hi", "reading the prompt, 1 s")
    os.write(chat.terminal, b"\x03")
    chat.expect(r"\r\x1b\[K\(stopped\)")
    chat.leave("\x04")


TESTS = (
    commands, interrupted_lines, turns, context_is_full, answers_alone_on_stdout, interrupted, remembers_lines, characters,
    pasted, pasted_at_length, leaves_the_terminal_alone, thinking, thinking_of_templates, conventions_of_the_architecture,
    unfinished_thinking, no_answer, piped_prompts, long_prompts, no_model,
)
for test in TESTS:
    test()
    print("passed:", test.__name__)
