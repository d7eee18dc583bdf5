import Testing

@testable import Peer

@Suite struct ConfigMemoryTests {
    @Test func whatAnEmptiedStoreLostComesBack() {
        var memory = ConfigMemory()
        let set = ["pause": "a person", "hold:a": "x", "commands_cursor": "5-0"]
        #expect(memory.take(set) == (set, ["kept": "1"]))
        let marked = set.merging(["kept": "1"]) { $1 }
        #expect(memory.take(marked) == (marked, [:]))
        // Emptied; what somebody has said since counts.
        let answer = memory.take(["hold:a": "new", "hold:b": "y"])
        #expect(answer.missing == ["pause": "a person", "kept": "1"])
        #expect(answer.fields == ["pause": "a person", "hold:a": "new", "hold:b": "y", "kept": "1"])
        // As long as it was not written, it is not forgotten.
        #expect(memory.take([:]).missing == ["pause": "a person", "hold:a": "x", "kept": "1"])
    }

    @Test func whatPeopleClearStaysCleared() {
        var memory = ConfigMemory()
        _ = memory.take(["pause": "a person", "kept": "1"])
        #expect(memory.take(["kept": "1"]) == (["kept": "1"], [:]))
        #expect(memory.take([:]) == (["kept": "1"], ["kept": "1"]))
    }
}
