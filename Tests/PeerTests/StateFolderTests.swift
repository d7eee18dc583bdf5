import Glibc
import Linux
import Peer
import Testing

@Suite struct StateFolderTests {
    private struct Document: Codable, Equatable, Sendable { var epoch: Int64 }

    private func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/troop-state-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ["deep/er/e.json", "deep/er/e.json.new", "deep/er/e.json.bad"] {
                unlink("\(path)/\(name)")
            }
            for name in ["deep/er", "deep", ""] { rmdir("\(path)/\(name)") }
        }
        try body(path + "/deep/er")
    }

    @Test func aDocumentIsReadBack() throws {
        try withFolder { path in
            let folder = try StateFolder(path: path)
            guard case .nothing = folder.read(Document.self, from: "e.json") else {
                Issue.record("a new folder holds no document")
                return
            }
            try folder.write(Document(epoch: 1), as: "e.json")
            try folder.write(Document(epoch: 2), as: "e.json")
            guard case .document(let document) = folder.read(Document.self, from: "e.json") else {
                Issue.record("the document is there")
                return
            }
            #expect(document.epoch == 2)
        }
    }

    @Test func garbageIsPutAside() throws {
        try withFolder { path in
            let folder = try StateFolder(path: path)
            let file = fopen("\(path)/e.json", "w")
            fputs("{\"epoch\":", file)
            fclose(file)
            guard case .bad(let aside) = folder.read(Document.self, from: "e.json") else {
                Issue.record("half a document is no document")
                return
            }
            #expect(access(aside, F_OK) == 0)
            #expect(access("\(path)/e.json", F_OK) != 0)
        }
    }

    @Test func aFolderThatCannotBeMadeIsAFault() {
        #expect(throws: SystemFault.self) { try StateFolder(path: "/proc/troop/state") }
    }
}
