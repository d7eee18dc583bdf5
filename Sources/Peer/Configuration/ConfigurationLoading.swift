import Linux

extension Configuration {
    /// The largest file that is read.
    package static let fileBytesMax = 1024 * 1024
    /// The largest password file that is read.
    static let passwordBytesMax = 4096
    /// The port of `peer.listen` where none is given.
    static let peerPort: UInt16 = 7118

    /// Reads the file at `path` and the environment over it; throws every fault that was found.
    package static func load(
        path: String, environment: [String: String]
    ) throws(ConfigurationFault) -> Configuration {
        try load(path: path, environment: environment, machine: .current())
    }

    static func load(
        path: String, environment: [String: String], machine: Machine
    ) throws(ConfigurationFault) -> Configuration {
        let bytes: [UInt8]
        do throws(TextFileFault) {
            bytes = try TextFile.read(path, bytesMax: fileBytesMax).bytes
        } catch {
            throw ConfigurationFault(lines: ["\(path): \(error.text)"])
        }
        return try read(
            bytes, file: path, environment: environment, machine: machine)
    }

    /// Reads a file's contents, named `file` in faults, and the environment over them.
    static func read(
        _ bytes: [UInt8], file: String, environment: [String: String], machine: Machine
    ) throws(ConfigurationFault) -> Configuration {
        var reader = ConfigurationReader(table: .troop, file: file)
        if let offset = firstInvalidUTF8(in: bytes) {
            let mark = bytes.withUnsafeBufferPointer { YAMLMark(offset: offset, in: $0) }
            reader.faults.add(
                .file(mark), "",
                "byte \(offset + 1) of the file is not UTF-8 text; expected a YAML file in UTF-8")
            try reader.faults.throwIfAny()
        }
        // libyaml counts a byte order mark as a column and then refuses the first line.
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        let root: YAMLNode?
        do throws(YAMLFault) {
            root = try YAMLComposer.compose(text)
        } catch {
            reader.faults.add(.file(error.mark), "", error.text)
            try reader.faults.throwIfAny()
            root = nil
        }
        if root.map(\.isNothing) ?? true {
            reader.faults.add(nil, "", "is empty; expected at least cluster and redis.url")
            try reader.faults.throwIfAny()
        }
        reader.read(root)
        reader.read(environment: environment)
        var assembly = ConfigurationAssembly(reader: reader, machine: machine)
        return try assembly.configuration(warnings: reader.typos(in: environment))
    }
}
