// Counts what the sampler's looks allocate, and with --strict fails when those of each second do; see Looks.

import Glibc

if CommandLine.arguments.dropFirst() == ["--strict"] {
    guard Looks.check() else {
        print("bench-looks: a look of each second allocates")
        exit(1)
    }
} else {
    Looks.run()
}
