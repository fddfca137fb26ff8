"""Drives `test_http_server --serve` over raw sockets: http_faults.py SERVER FOLDER.

Every part does harm, and then asks for /health on a new connection. Afterwards the server has as many threads and
descriptors as before, little more memory, nothing left open, and ends when it is told to."""
import atexit
import os
import random
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

SERVER, FOLDER = sys.argv[1:3]
ASAN = "detect_leaks=1:quarantine_size_mb=4:malloc_context_size=5"  # or what was freed would look like a leak
RSS_SLACK_MB = 48
rng = random.Random(1)


class Server:
    def __init__(self, *options, env=None, tls=None):
        environment = dict(os.environ, **(env or {}))
        environment["ASAN_OPTIONS"] = ASAN + ":" + environment.get("ASAN_OPTIONS", "")
        self.process = subprocess.Popen([SERVER, "--serve", *map(str, options)], stderr=subprocess.PIPE, text=True,
                                        env=environment)
        self.lines, self.port, self.tls = [], None, tls
        for line in self.process.stderr:
            self.lines.append(line)
            listening = re.search(r"listening on (\S+)", line)
            if listening:
                port = re.search(r":(\d+)$", listening.group(1))
                self.port = int(port.group(1)) if port else None
            if line == "ready\n":
                break
        else:
            raise AssertionError("the server did not start: " + "".join(self.lines))
        atexit.register(self.process.kill)
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def connect(self, timeout=20):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        if self.tls:
            s = self.tls.wrap_socket(s, server_hostname="localhost")
        return s

    def proc(self, name):
        return os.path.join("/proc", str(self.process.pid), name)

    def descriptors(self):
        return len(os.listdir(self.proc("fd")))

    def threads(self):
        return len(os.listdir(self.proc("task")))

    def rss_mb(self):
        with open(self.proc("status")) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024

    def settle(self, descriptors, threads):
        """Waits until what clients left behind is cleared away."""
        for _ in range(600):
            if self.descriptors() <= descriptors and self.threads() <= threads:
                return
            time.sleep(0.05)
        raise AssertionError("%d descriptors instead of %d, %d threads instead of %d" %
                             (self.descriptors(), descriptors, self.threads(), threads))

    def healthy(self):
        reply = self.ask(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 200") and reply.endswith(b"\r\n\r\nok\n"), reply[:200]

    def ask(self, data):
        with self.connect() as s:
            try:
                s.sendall(data)
            except OSError:
                pass  # refused before it was all sent
            return read_all(s)

    def stop(self, number=signal.SIGTERM, code=0):
        self.process.send_signal(number)
        assert self.process.wait(60) == code, (self.process.returncode, "".join(self.lines)[-3000:])
        self.reader.join()
        return "".join(self.lines)


def read_all(s):
    data = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return data
            data += piece
    except (ConnectionError, ssl.SSLError):
        return data


def read_until(s, wanted):
    data = b""
    while wanted not in data:
        piece = s.recv(65536)
        assert piece, data
        data += piece
    return data


def status(reply):
    found = re.match(rb"HTTP/1\.[01] (\d+)", reply)
    return int(found.group(1)) if found else 0


def reset(s):
    """Closes with a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000


def vanish(server):
    for data in (b"", b"G", GET % b"/health", POST, GET % b"/held", GET % b"/stream?n=100000&ms=5",
                 GET % b"/stream?n=100000&bytes=50000", GET % b"/slow?ms=50", b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"):
        for end in (socket.socket.close, reset):
            for cut in {len(data), len(data) // 2, max(0, len(data) - 1)}:
                s = server.connect()
                s.sendall(data[:cut])
                if rng.random() < 0.5:
                    select.select([s], [], [], 0.05)
                end(s)


def half_close(server):
    for path in (b"/health", b"/held", b"/stream?n=100000&ms=5", b"/parts/1"):
        with server.connect() as s:
            s.sendall(GET % path)
            if not server.tls:
                s.shutdown(socket.SHUT_WR)
                read_all(s)


def half_requests(server):
    """They are cut when their time is over: `receive` is 1 s."""
    parts = (b"", b"G", b"GET /health HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nx", POST[:-1],
             b"POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx",
             b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nx")
    sockets = [server.connect() for _ in parts]
    for s, part in zip(sockets, parts):
        s.sendall(part)
    for s, part in zip(sockets, parts):
        assert read_all(s) in (b"",), part[:50]
        s.close()


def drip(server):
    """A byte now and then is not enough to stay."""
    with server.connect() as s:
        begun = time.time()
        try:
            for byte in b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 10000:
                s.send(bytes([byte]))
                if select.select([s], [], [], 0.05)[0]:
                    break
        except OSError:
            pass
        assert time.time() - begun < 15
    request = GET % b"/parts/1"
    with server.connect() as s:  # but it is enough to be understood
        for i in range(len(request)):
            s.sendall(request[i:i + 1])
        assert b"id=1" in read_until(s, b"id=1")


def never_read(server):
    """Who does not read is dropped, and what was made for it is freed."""
    sockets = []
    for _ in range(4):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        if server.tls:
            s = server.tls.wrap_socket(s, server_hostname="localhost")
        s.sendall(GET % b"/stream?n=100000000&bytes=40000&ms=1")
        sockets.append(s)
    with server.connect() as s:  # an answer that is whole is not taken for ever either: `send` is 1 s
        s.settimeout(30)
        body = b"x" * (8 << 20)
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(2)
    time.sleep(0.5)
    for s in sockets:
        s.close()


def slow_reader(server):
    """Who reads slowly but steadily gets all of it."""
    with server.connect() as s:
        s.sendall(b"GET /stream?n=40&bytes=5000&ms=1 HTTP/1.0\r\n\r\n")
        data = b""
        while True:
            piece = s.recv(3000)
            if not piece:
                break
            data += piece
            time.sleep(0.002)
        assert data.count(b"x" * 5000 + b"\n") == 40, len(data)


def garbage(server):
    samples = [b"\0" * 1000, b"\r\n" * 5000, b"\xff" * 70000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
               b"GET  HTTP/1.1\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /%00%zz%f HTTP/1.1\r\nHost: a\r\n\r\n",
               b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
               b"GET /health HTTP/1.1\nHost: a\n\n", b"GET /health HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
               b"GET /health HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
               b"GET /health HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
               b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
               b"GET http://[::1/%s HTTP/1.1\r\nHost: a\r\n\r\n", b"x" * 31 + b" / HTTP/1.1\r\nHost: a\r\n\r\n"]
    base = GET % b"/stream?n=2&bytes=10" + POST[:500]
    for _ in range(100):
        broken = bytearray(base)
        for _ in range(rng.randrange(1, 20)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        samples.append(bytes(broken))
    for _ in range(50):
        samples.append(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 3000))))
    for data in samples:
        with server.connect() as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR) if not server.tls else None
                reply = read_all(s) if not server.tls else b""
            except OSError:
                continue
            assert status(reply) in (0, 100, 200, 204, 400, 403, 404, 405, 408, 411, 413, 414, 431, 500, 501, 503,
                                     505), reply[:200]


def lengths(server):
    chunked = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunks in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\nx", b"7fffffffffffffff\r\nx", b"5\r\nhelloworld\r\n0\r\n\r\n",
                   b"5;" + b"e" * 100000 + b"\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n" + b"t: x\r\n" * 20000 + b"\r\n",
                   b"\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"00000000000000000000005\r\nhello"):
        with server.connect() as s:
            try:
                s.sendall(chunked + chunks)
                if not server.tls:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            if not server.tls:
                assert status(read_all(s)) in (0, 100, 200, 400, 413, 431, 500), chunks[:40]
    for header in (b"Content-Length: 18446744073709551616", b"Content-Length: 99999999999999999999999999",
                   b"Content-Length: 0x10", b"Content-Length: 1,1", b"Content-Length: +5", b"Content-Length: 5 5",
                   b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding: chunked",
                   b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: xchunked"):
        reply = server.ask(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\nhello" + GET % b"/parts/smuggled")
        assert status(reply) in (0, 400, 413, 501), (header, reply[:200])
        assert b"id=smuggled" not in reply, header
    with server.connect() as s:  # what follows a body is the next request
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + GET % b"/parts/next")
        read_until(s, b"id=next")


def heads(server):
    for data, wanted in ((b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (0, 414, 431, 413)),
                         (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 20000 + b"\r\n", (0, 431, 413)),
                         (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"b" * 300000 + b"\r\n\r\n", (0, 431, 413)),
                         (b"GET /health?" + b"a&" * 10000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (0, 414, 431, 413)),
                         (b"GET /health?" + b"a=b&" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (0, 414, 431, 413))):
        assert status(server.ask(data)) in wanted, data[:30]


def too_large(server):
    """Gigabytes are not read."""
    for head in (b"Content-Length: 99999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n" + b"fffffff\r\n"):
        sent = 0
        with server.connect() as s:
            s.settimeout(60)
            try:
                s.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + head)
                while sent < 1 << 30:
                    s.sendall(b"x" * (1 << 20))
                    sent += 1 << 20
            except OSError:
                pass
        assert sent < 128 << 20, sent


def pipelining(server):
    with server.connect() as s:
        n = 200
        s.sendall(b"".join(GET % b"/parts/%d" % i for i in range(n)))
        data = read_until(s, b"id=%d " % (n - 1))
        assert [int(i) for i in re.findall(rb"id=(\d+) ", data)] == list(range(n))


def flood(server):
    """More connections than there may be (100): some are closed at once, none of the others is harmed."""
    with server.connect() as stream:
        stream.sendall(GET % b"/stream?n=50&ms=20&bytes=20")
        sockets = [server.connect() for _ in range(300)]
        for s in sockets:
            try:
                s.sendall(GET % b"/held")
            except OSError:
                pass
        time.sleep(0.3)
        for s in sockets:
            s.close()
        data = read_until(stream, b"0\r\n\r\n")
        assert data.count(b"x" * 20) == 50
    for _ in range(2000):  # open and shut
        server.connect().close()


def many_streams(server):
    """Streams end whole while others come and go."""
    results = []

    def one(i):
        with server.connect() as s:
            s.sendall(b"GET /stream?n=30&ms=3&bytes=%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (100 + i))
            results.append(read_all(s).count(b"x" * (100 + i) + b"\n") == 30)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(32)]
    for t in threads:
        t.start()
    vanish(server)
    for t in threads:
        t.join()
    assert results == [True] * 32, results


def recovered(server):
    """The server may still be busy closing what a part left."""
    for _ in range(100):
        try:
            server.healthy()
            return
        except (AssertionError, OSError):
            time.sleep(0.05)
    server.healthy()


def torture(name, parts, rounds, options=(), tls=None):
    server = Server("receive", 1, "idle", 5, "send", 1, "keep-alive", 0.2, "connections", 100, *options, tls=tls)
    server.healthy()
    time.sleep(0.3)
    descriptors, threads, rss = server.descriptors(), server.threads(), []
    for _ in range(rounds):
        for part in parts:
            begun = time.time()
            try:
                part(server)
            except Exception as failure:
                raise AssertionError("%s: %r; %s" % (part.__name__, failure, "".join(server.lines)[-2000:]))
            recovered(server)
            if os.environ.get("VERBOSE"):
                print("%s: %.1f s" % (part.__name__, time.time() - begun), server.descriptors(), server.threads(), flush=True)
        server.settle(descriptors, threads)
        rss.append(server.rss_mb())
    assert rss[-1] < rss[0] + RSS_SLACK_MB, rss
    said = server.stop()
    assert "left open: 0" in said, said
    print("%s: %d rounds, memory %s MB" % (name, rounds, ", ".join("%.0f" % r for r in rss)))


# ---- the process


def begin_endless(s):
    """Asks for an answer without an end, and waits for its beginning."""
    s.sendall(GET % b"/stream?n=100000000&ms=20&bytes=10")
    read_until(s, b"x" * 10)


def signals():
    keys = os.path.join(FOLDER, "keys")
    with open(keys, "w") as f:
        f.write("old-key\n")
    os.chmod(keys, 0o600)
    notify = os.path.join(FOLDER, "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(notify)
    manager.settimeout(20)
    server = Server("keys", keys, "shutdown", 20, env={"NOTIFY_SOCKET": notify})
    assert manager.recv(1000).startswith(b"READY=1")
    ask = lambda key: status(server.ask(b"GET /parts/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                        b"Authorization: Bearer %s\r\n\r\n" % key))
    assert (ask(b"old-key"), ask(b"new-key")) == (200, 401)
    with open(keys, "w") as f:
        f.write("new-key\n")
    server.process.send_signal(signal.SIGHUP)
    assert re.match(rb"RELOADING=1\nMONOTONIC_USEC=\d+$", manager.recv(1000))
    assert manager.recv(1000).startswith(b"READY=1")
    assert (ask(b"old-key"), ask(b"new-key")) == (401, 200)

    # What runs is ended; nobody new is let in.
    streams = [server.connect() for _ in range(8)]
    for s in streams:
        s.sendall(b"GET /stream?n=40&ms=50&bytes=10 HTTP/1.1\r\nHost: a\r\nx-api-key: new-key\r\n\r\n")
    for s in streams:
        read_until(s, b"x" * 10)
    server.process.send_signal(signal.SIGTERM)
    assert manager.recv(1000) == b"STOPPING=1"
    time.sleep(0.3)
    try:
        with server.connect() as s:
            assert read_all(s) == b""
    except ConnectionError:
        pass
    for s in streams:
        assert read_until(s, b"0\r\n\r\n")
        s.close()
    assert server.process.wait(30) == 0
    server.reader.join()
    assert "left open: 0" in "".join(server.lines)

    # Time runs out; or there is a second signal.
    server = Server("shutdown", 0.5)
    with server.connect() as s:
        begin_endless(s)
        said = server.stop()
        assert "was dropped" in said and "left open: 0" in said, said
    server = Server("shutdown", 60)
    with server.connect() as s:
        begin_endless(s)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        server.stop(code=-signal.SIGTERM)
    server = Server()
    server.stop(signal.SIGINT)


def inherited():
    """The socket that a service manager opened."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    keep = listener.detach()
    high = os.dup(keep)
    os.close(keep)

    def in_child():
        os.dup2(high, 3)
        os.environ["LISTEN_PID"] = str(os.getpid())

    environment = dict(os.environ, LISTEN_FDS="1")
    # LISTEN_PID is only known in the child: a shell puts it there and becomes the server.
    child = subprocess.Popen(["sh", "-c", 'LISTEN_PID=$$ exec "$0" --serve'] + [SERVER], stderr=subprocess.PIPE,
                             text=True, env=environment, pass_fds=(3,) if high == 3 else (3, high),
                             preexec_fn=in_child)
    os.close(high)
    line = child.stderr.readline()
    assert "listening on http://127.0.0.1:%d, an inherited socket" % port in line, line
    line = child.stderr.readline()
    assert line == "ready\n", line  # it answers before, and until then SIGTERM just ends it
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(GET % b"/health")
        read_until(s, b"ok\n")
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0, child.stderr.read()
    child.stderr.close()


def refused():
    for options, wanted in ((("host", "unix:" + "x" * 200), "1 to 107 bytes"), (("keys", "/no/such"), "/no/such: No such")):
        run = subprocess.run([SERVER, "--serve", *options], stderr=subprocess.PIPE, text=True, timeout=60)
        assert run.returncode == 1 and wanted in run.stderr, run.stderr


def certificates():
    """(certificate, key, another key), or None."""
    paths = [os.path.join(FOLDER, name) for name in ("cert.pem", "key.pem", "other.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        for key in paths[1:]:
            subprocess.run(make + ["-keyout", key, "-out", paths[0] if key == paths[1] else os.devnull], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    return paths


def tls_garbage(server):
    """What is no TLS, and TLS that stops in the middle."""
    plain = Plain(server)
    for data in (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x01" * 3000, b"\x16\x03\x01",
                 b"\x80\x2e\x01\x00\x02", bytes(rng.randrange(256) for _ in range(2000)), b""):
        for end in (socket.socket.close, reset):
            s = plain.connect()
            s.sendall(data)
            select.select([s], [], [], 0.1)
            end(s)
    silent = plain.connect()  # no handshake: cut when its time is over
    assert read_all(silent) == b""
    silent.close()


class Plain:
    def __init__(self, server):
        self.port = server.port

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def main():
    signals()
    inherited()
    refused()
    torture("plain", [vanish, half_close, half_requests, drip, never_read, slow_reader, garbage, lengths, heads, too_large,
             pipelining, flood, many_streams], 3)
    made = certificates()
    if made:
        cert, key, other = made
        run = subprocess.run([SERVER, "--serve", "cert", cert, "key", other], stderr=subprocess.PIPE, text=True)
        assert run.returncode == 1 and "do not match" in run.stderr and other in run.stderr, run.stderr
        os.chmod(key, 0o644)
        context = ssl.create_default_context(cafile=cert)
        torture("TLS", [vanish, half_requests, never_read, slow_reader, garbage, lengths, pipelining, many_streams, tls_garbage],
                2, options=("cert", cert, "key", key), tls=context)
    else:
        print("TLS: not tested, there is no openssl")


main()
