"""Probes: one plain HTTP request each, by socket, so that what was asked and what came back are exact."""
import socket
import time

from agent.files import read


def request(address, https, host, path, headers, timeout):
    """Status and first bytes of the body of one GET, or the reason why there is none."""
    name, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout
    try:
        link = socket.create_connection((name.strip("[]"), int(port)), timeout)
    except OSError as error:
        return {"error": "cannot connect to %s: %s" % (address, error.strerror or error)}
    try:
        if https:
            import ssl
            context = ssl._create_unverified_context()
            link = context.wrap_socket(link, server_hostname=host)
        lines = ["GET %s HTTP/1.1" % path, "Host: " + host, "User-Agent: deployer", "Accept: */*"]
        lines += ["%s: %s" % pair for pair in headers]
        link.sendall(("\r\n".join(lines + ["Connection: close", "", ""])).encode("utf-8"))
        answer = b""
        while len(answer) < 65536:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout()
            link.settimeout(left)
            data = link.recv(65536)
            if not data:
                break
            answer += data
            head, _, body = answer.partition(b"\r\n\r\n")
            if _ and len(body) >= length_of(head):
                break
    except socket.timeout:
        return {"error": "no answer from %s within %g s" % (address, timeout)}
    except (OSError, ValueError) as error:
        return {"error": "%s broke off: %s" % (address, getattr(error, "strerror", None) or error)}
    finally:
        link.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    first = head.split(b"\r\n")[0].split()
    if len(first) < 2 or not first[1].isdigit():
        return {"error": "%s did not answer in HTTP" % address}
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value.strip().decode("utf-8", "replace") for name, _, value in lines}
    return {
        "status": int(first[1]),
        "body": body[:400].decode("utf-8", "replace"),
        "location": headers.get(b"location"),
        "named": headers.get(b"x-deployer-served"),
    }


def length_of(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            try:
                return int(line[15:])
            except ValueError:
                break
    return 1 << 30


def key_of(settings):
    return (read(settings["root"] + "/.deployer/key", 64) or "").strip()


def health(settings, port):
    """One probe as the configuration describes it: of a slot at its port, or (None) by the way that visitors take."""
    want = settings["health"]
    began = time.monotonic()
    if port is None:
        answers = []
        for path in settings["door"]["health"]:
            answers.append(by_the_door(settings, path))
            if expected(settings, answers[-1]):
                break
        answer = answers[-1] if expected(settings, answers[-1]) else answers[0]
    else:
        answer = request("127.0.0.1:%d" % port, False, want["host"], want["path"],
                         [("X-Forwarded-Proto", want["proto"]), ("X-Forwarded-For", "127.0.0.1")], want["timeout"])
    answer["ok"] = expected(settings, answer)
    answer["seconds"] = round(time.monotonic() - began, 4)
    return answer


def expected(settings, answer):
    return "status" in answer and any(low <= answer["status"] <= high for low, high in settings["health"]["expect"])


def by_the_door(settings, path):
    """Asks for a page as visitors do. nginx adds which slot it is about to ask (`color`, `commit`), and whether it asked
    (`passed`): what it answers by itself, for want of a password say, tells nothing of the application. A snippet of an
    older version adds neither, nor does a location of the site's own."""
    door = settings["door"]
    answer = request(door["address"], door["https"], door["host"], path,
                     [("X-Deployer-Probe", key_of(settings) + " app")], settings["health"]["timeout"])
    words = (answer.get("named") or "").split()
    if len(words) > 1:
        answer["passed"] = len(words) > 2
        if words[0] in ("blue", "green"):
            answer.update(color=words[0], commit=words[1])
    return answer


def served(settings):
    """Asks nginx through the front door which slot it serves: the snippet answers those who know the key."""
    door = settings["door"]
    key = key_of(settings)
    if not key:
        return {"unknown": "no release of this tool is live"}
    # Of a slot's snippet by a header; of the socket cutover's file, which only follows the link, by a path. What nginx has
    # loaded need not be what the configuration wants.
    asked = [(False, door["path"], [("X-Deployer-Probe", key)]), (True, door["path"] + key + ".deployer", [])]
    answers = {}
    for by_socket, path, headers in asked[::-1] if settings["socket"] else asked:
        answer = request(door["address"], door["https"], door["host"], path, headers, door["timeout"])
        if "error" in answer:
            return answer
        words = answer["body"].split()
        if answer["status"] == 200 and len(words) == 3 and words[0] == "deployer" and words[1] in ("blue", "green"):
            return {"color": words[1], "commit": words[2], "by_socket": by_socket}
        answers[by_socket] = answer
    if settings["socket"] and answers[True]["status"] == 403:
        return {"unknown": "nginx's user may not read %s/live/etc/served" % settings["root"]}
    answer = answers[False]
    if answer["status"] in (301, 302, 307, 308) and answer["location"]:
        return {"unknown": "the front door redirects to %s" % answer["location"][:200]}
    return {"unknown": "the front door answered %d, not from a slot's snippet" % answer["status"]}
