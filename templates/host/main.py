

def main(verb, facts, *words):
    facts = json.loads(facts)
    if verb == "observe":
        tell("state", observe(facts))
        return 0
    if verb == "held":
        tell("locked", lock(facts["root"] + "/.deployer"))
        return 0
    if verb == "takeover":
        return takeover(facts, *words)
    if verb == "stop":
        return stop(facts, *words)
    if verb == "prove":
        return prove(facts, words[0], int(words[1]))
    if verb == "warm":
        return warm(facts, words[0], int(words[1]), words[2:])
    if verb == "roles":
        write_roles(facts)
        return 0
    for other in (unit, unit_ended, enable, keep_databases, accept, aside):
        if verb == other.__name__:
            return other(facts, *words)
    if verb == "withdraw":
        withdraw(facts, words[0])
        return 0
    # What the steps alone need comes with the first of them.
    for other in (mend, switch) if "switch" in globals() else ():
        if verb == other.__name__:
            return other(facts, *words)
    print("no such verb: %s" % verb)
    return 70


sys.exit(main(*sys.argv[1:]))
