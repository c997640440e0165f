# Probes: one plain HTTP request each, by socket, so that what was asked and what came back are exact.


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
    location = [line[9:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"location:")]
    return {
        "status": int(first[1]),
        "body": body[:400].decode("utf-8", "replace"),
        "location": location[0].decode("utf-8", "replace") if location else None,
    }


def length_of(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            try:
                return int(line[15:])
            except ValueError:
                break
    return 1 << 30


def health(facts, port):
    """One probe as the configuration describes it: of a slot at its port, or (None) through the front door."""
    want = facts["health"]
    door = facts["door"]
    began = time.monotonic()
    if port is None:
        answer = request(door["address"], door["https"], door["host"], want["path"], [], want["timeout"])
    else:
        answer = request("127.0.0.1:%d" % port, False, want["host"], want["path"],
                         [("X-Forwarded-Proto", want["proto"]), ("X-Forwarded-For", "127.0.0.1")], want["timeout"])
    status = answer.get("status")
    answer["ok"] = status is not None and any(low <= status <= high for low, high in want["expect"])
    answer["seconds"] = round(time.monotonic() - began, 4)
    return answer


def served(facts):
    """Asks nginx through the front door which slot it serves: the snippet answers those who know the key."""
    door = facts["door"]
    key = (read(facts["root"] + "/.deployer/key", 64) or "").strip()
    if not key:
        return {"unknown": "no release of this tool is live"}
    # Of a slot's snippet by a header; of the socket cutover's file, which only follows the link, by a path.
    asked = [(door["path"], [("X-Deployer-Probe", key)])]
    if facts["socket"]:
        asked.insert(0, (door["path"] + key + ".deployer", []))
    for number, (path, headers) in enumerate(asked):
        answer = request(door["address"], door["https"], door["host"], path, headers, door["timeout"])
        if "error" in answer:
            return answer
        words = answer["body"].split()
        if answer["status"] == 200 and len(words) == 3 and words[0] == "deployer" and words[1] in ("blue", "green"):
            return {"color": words[1], "commit": words[2], "by_socket": len(asked) == 2 and number == 0}
        if answer["status"] == 403 and number == 0 and len(asked) == 2:
            return {"unknown": "nginx's user may not read %s/live/etc/served" % facts["root"]}
    if answer["status"] in (301, 302, 307, 308) and answer["location"]:
        return {"unknown": "the front door redirects to %s" % answer["location"][:200]}
    return {"unknown": "the front door answered %d, not from a slot's snippet" % answer["status"]}
