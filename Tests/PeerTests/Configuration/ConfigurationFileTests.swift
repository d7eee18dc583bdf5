import Glibc
import Testing

@testable import Peer

@Suite struct ConfigurationFileTests {
    private func fault(of path: String) -> String? {
        do throws(ConfigurationFault) {
            _ = try Configuration.load(path: path, environment: [:])
            return nil
        } catch {
            return error.description
        }
    }

    @Test func aGoodFileIsLoadedFromDisk() throws {
        try withFolder { folder in
            try write(Array(fullFile.utf8), to: "\(folder)/file")
            let read = try Configuration.load(path: "\(folder)/file", environment: ["TROOP_CLUSTER": "live"])
            #expect(read.cluster == "live")
            #expect(read.host.name == "a")
        }
    }

    @Test func aMissingFileIsOneLine() {
        #expect(fault(of: "/nonexistent/troop.yaml") == "/nonexistent/troop.yaml: no such file")
    }

    @Test func aFolderIsOneLine() {
        #expect(fault(of: "/") == "/: is a folder; expected a file")
    }

    @Test func aDeviceIsOneLine() {
        #expect(fault(of: "/dev/zero") == "/dev/zero: is not a regular file")
    }

    @Test func aNamedPipeDoesNotHoldTheStart() throws {
        try withFolder { folder in
            #expect(mkfifo("\(folder)/file", 0o600) == 0)
            #expect(fault(of: "\(folder)/file") == "\(folder)/file: is not a regular file")
        }
    }

    @Test func aFileTooLargeIsOneLine() throws {
        try withFolder { folder in
            let path = "\(folder)/file"
            try write([UInt8](repeating: UInt8(ascii: "#"), count: Configuration.fileBytesMax + 1), to: path)
            #expect(fault(of: path) == "\(path): is larger than 1MiB")
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read every file"))
    func anUnreadableFileIsOneLine() throws {
        try withFolder { folder in
            let path = "\(folder)/file"
            try write(Array("cluster: c".utf8), to: path, mode: 0)
            #expect(fault(of: path) == "\(path): cannot be read: Permission denied")
        }
    }

    @Test(arguments: ["", "\n", "# only a comment\n", "---\n", "~", "null\n...\n"])
    func anEmptyFileIsOneLine(_ text: String) {
        #expect(faultLines(text) == ["troop.yaml: is empty; expected at least cluster and redis.url"])
    }

    @Test(
        arguments: [
            ([0xff], "1:1", 1), ([0x61, 0x0a, 0xc3, 0xa9, 0xc0, 0x80], "2:2", 5),
            ([0xed, 0xa0, 0x80], "1:1", 1),
            ([0x61, 0xf5], "1:2", 2), ([0xff, 0xfe, 0x61, 0x00], "1:1", 1),
        ] as [([UInt8], String, Int)])
    func aFileThatIsNotUTF8IsOneLine(_ bytes: [UInt8], _ place: String, _ number: Int) {
        #expect {
            _ = try Configuration.read(bytes, file: "f", environment: [:], machine: testMachine)
        } throws: { error in
            "\(error)"
                == "f:\(place): byte \(number) of the file is not UTF-8 text; expected a YAML file in UTF-8"
        }
    }

    @Test func aByteOrderMarkAndWindowsLineEndsAreAccepted() throws {
        let text = "\u{feff}cluster: demo\r\nredis: {url: 'redis://h'}\r\n"
        #expect(try configuration(text).cluster == "demo")
    }
}
