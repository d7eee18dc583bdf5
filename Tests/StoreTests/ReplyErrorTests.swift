import Testing

@testable import Store

@Suite struct ReplyErrorTests {
    @Test(arguments: [
        ("LOADING Redis is loading the dataset in memory", ReplyError.Kind.retry),
        ("BUSY Redis is busy running a script.", .retry),
        ("TRYAGAIN Multiple keys request during rehashing of slot", .retry),
        ("ERR max number of clients reached", .retry),
        ("READONLY You can't write against a read only replica.", .rediscover),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", .rediscover),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
            .storeLost
        ),
        ("OOM command not allowed when used memory > 'maxmemory'.", .storeLost),
        ("NOREPLICAS Not enough good replicas to write.", .storeLost),
        ("NOAUTH Authentication required.", .configuration),
        ("WRONGPASS invalid username-password pair or user is disabled.", .configuration),
        ("NOPERM User ann has no permissions to run the 'get' command", .configuration),
        ("DENIED Redis is running in protected mode", .configuration),
        ("MOVED 3999 127.0.0.1:6381", .configuration),
        ("ERR AUTH <password> called without any password configured for the default user.", .configuration),
        ("ERR DB index is out of range", .configuration),
        ("NOSCRIPT No matching script. Please use EVAL.", .scriptMissing),
        ("FENCED the lease is held by another", .fenced),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", .refused),
        ("ERR unknown command 'X'", .refused),
        ("ERR Error running script (call to f_ab): @user_script:1: -READONLY You can't write", .rediscover),
        ("ERR The user executing the script can't run this command or subcommand", .configuration),
        ("@user_script: 5: The user executing the script can't run this command", .configuration),
        ("ERR ACL failure in script: User ann has no permissions to access the 'k' key", .configuration),
        ("@user_script: 5: Wrong number of args calling Redis command From Lua script", .refused),
        ("ERR Error running script (call to f_ab): @user_script:1: -OOM command not allowed", .storeLost),
        ("ERR Error running script (call to f_ab): @user_script:1: attempt to index a nil value", .refused),
        ("", .refused),
    ])
    func anErrorIsToldApart(_ line: String, _ kind: ReplyError.Kind) {
        #expect(ReplyError(line: line).kind == kind)
        #expect(StoreFault.rejected(ReplyError(line: line)).kind == kind)
    }

    @Test func aLineIsCutIntoCodeAndMessage() {
        #expect(ReplyError(line: "FENCED stale").code == "FENCED")
        #expect(ReplyError(line: "FENCED stale").message == "stale")
        #expect(ReplyError(line: "FENCED").message == "")
        #expect(ReplyError(line: "").code == "ERR")
    }

    @Test func hostileTextIsCleanedAndCut() {
        let error = ReplyError(line: "ERR a\u{1B}[31mb\nc" + String(repeating: "x", count: 5000))
        #expect(error.message.hasPrefix("a [31mb c"))
        #expect(error.message.count == 200)
        #expect(ReplyError(line: String(repeating: "X", count: 5000)).code.count == 32)
    }

    @Test func argumentsAreNotRepeated() {
        let line = "ERR unknown command 'AUTH', with args beginning with: 'hunter2' "
        #expect(ReplyError(line: line).description == "ERR unknown command 'AUTH'")
        let echo = ReplyError(code: "ERR", message: "bad hunter2 here")
        #expect(echo.without(Secret("hunter2")).message == "bad …")
        #expect(echo.without(nil) == echo)
        #expect(echo.without(Secret("other")) == echo)
    }

    @Test func aCommandShowsOnlyItsVerb() {
        #expect("\(Command("AUTH", "hunter2"))" == "AUTH")
        let script = Script(name: "renew", body: "return 1")
        #expect("\(Command(script, keys: ["k"], arguments: ["hunter2"]))" == "script renew")
        #expect(script.digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    }
}
