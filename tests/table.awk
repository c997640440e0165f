# Sums the output of the tests up: a line for each suite whose tests print rows, and one for all tests.
#
# A row is `@row | suite | case | result`: a test that fails prints none. What was left out says SKIPPED.
# Rows that hold a measurement (s, ms, requests) are shown as they are.

function trimmed(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

/@row *\|/ {
    split(substr($0, index($0, "@row")), cell, "|")
    suite = trimmed(cell[2])
    if (!(suite in cases)) {
        order[++suites] = suite
    }
    cases[suite]++
    if (trimmed(cell[4]) ~ /SKIPPED/) {
        skipped[suite]++
    }
    if (trimmed(cell[4]) ~ /[0-9] (m?s|requests)/ && suite != "kill") {
        measured[++measurements] = suite ": " trimmed(cell[3]) ": " trimmed(cell[4])
    }
}

/^test result: / {
    for (field = 2; field <= NF; field++) {
        if ($field == "passed;") {
            passed_tests += $(field - 1)
        } else if ($field == "failed;") {
            failed_tests += $(field - 1)
        }
    }
}

# Those of the agent, by Python's unittest.
/^Ran [0-9]+ tests? in / {
    ran = $2
}

/^OK( |$)/ {
    passed_tests += ran
}

/^FAILED \(/ {
    failed = 0
    for (field = 2; field <= NF; field++) {
        if ($field ~ /(failures|errors)=/) {
            sub(/.*=/, "", $field)
            failed += $field
        }
    }
    passed_tests += ran - failed
    failed_tests += failed
}

END {
    print ""
    for (number = 1; number <= measurements; number++) {
        print measured[number]
    }
    printf "\n%-44s %7s %7s\n", "suite", "cases", "skipped"
    for (number = 1; number <= suites; number++) {
        suite = order[number]
        printf "%-44s %7d %7d\n", suite, cases[suite], skipped[suite]
    }
    printf "\n%d passed, %d failed\n", passed_tests, failed_tests
}
