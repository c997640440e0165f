

# What the traffic suite adds to the application.
import hashlib

WHO = "%s %s" % (os.environ["BLUEGREEN"], os.environ["DEPLOYER_COMMIT_SHORT"])
hello = app


def app(environ, start_response):
    answer = {"/upload": upload, "/stream": stream, "/count": count, "/upgrade": upgrade}
    return answer.get(environ["PATH_INFO"], hello)(environ, start_response)


def text(start_response, body):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def upload(environ, start_response):
    digest = hashlib.sha256()
    while True:
        data = environ["wsgi.input"].read(1 << 16)
        if not data:
            return text(start_response, "%s %s\n" % (WHO, digest.hexdigest()))
        digest.update(data)


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Accel-Buffering", "no")])
    for number in range(30):
        yield ("%s line %d\n" % (WHO, number)).encode()
        time.sleep(0.1)
    yield b"end\n"


def count(environ, start_response):
    name = environ["wsgi.input"].read().decode()
    number = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(number, (name + "\n").encode())
    os.close(number)
    return text(start_response, "%s %s\n" % (WHO, name))


def upgrade(environ, start_response):
    """What a websocket is to the servers between: a connection of its own, both ways, for as long as it likes."""
    link = environ["gunicorn.socket"]
    link.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n%s\n" % WHO).encode())
    while True:
        data = link.recv(4096)
        if not data or data == b"bye\n":
            link.shutdown(2)
            return []
        link.sendall(data)
