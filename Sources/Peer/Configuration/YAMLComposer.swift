import CYAML
import Glibc

/// Composes libyaml's events into a tree that keeps the place of every key and value.
///
/// It takes less than YAML offers, so that no file can grow in memory or mean two things: one document, no
/// aliases, no tags, no repeated keys, a limited depth.
struct YAMLComposer: ~Copyable {
    /// How deep mappings and lists may nest; the deepest option is at 3.
    static let depthMax = 16

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>

    /// The tree of a UTF-8 text; nil when it holds no value at all.
    static func compose(_ text: [UInt8]) throws(YAMLFault) -> YAMLNode? {
        // A typed throw does not pass through withUnsafeBufferPointer on every overload: carry a Result.
        let result: Result<YAMLNode?, YAMLFault> = text.withUnsafeBufferPointer { bytes in
            guard let composer = YAMLComposer(bytes) else {
                return .failure(YAMLFault(mark: YAMLMark(line: 1, column: 1), text: "not enough memory"))
            }
            do throws(YAMLFault) {
                return .success(try composer.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        self.parser = parser
        self.bytes = bytes
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private func document() throws(YAMLFault) -> YAMLNode? {
        _ = try next()  // the stream's start
        guard case .other = try next() else { return nil }  // a document's start, or the stream's end
        let root = try node(try next(), depth: 0, path: "")
        _ = try next()  // the document's end
        switch try next() {
        case .streamEnd: return root
        case .other(let mark), .scalar(let mark, _, _), .list(let mark), .mapping(let mark), .end(let mark):
            throw YAMLFault(mark: mark, text: "a second document begins here; expected one alone")
        }
    }

    private func node(_ event: Event, depth: Int, path: String) throws(YAMLFault) -> YAMLNode {
        switch event {
        case .scalar(let mark, let text, let plain):
            return YAMLNode(mark: mark, content: .scalar(text, plain: plain))
        case .list(let mark):
            try checkDepth(depth, at: mark)
            var nodes: [YAMLNode] = []
            while true {
                let event = try next()
                if case .end = event { return YAMLNode(mark: mark, content: .list(nodes)) }
                nodes.append(try node(event, depth: depth + 1, path: path))
            }
        case .mapping(let mark):
            try checkDepth(depth, at: mark)
            return YAMLNode(mark: mark, content: .mapping(try entries(depth: depth + 1, path: path)))
        case .end(let mark), .other(let mark):
            throw YAMLFault(mark: mark, text: "not valid YAML: expected a value")
        case .streamEnd:
            throw YAMLFault(mark: currentMark, text: "not valid YAML: it ends within a value")
        }
    }

    private func entries(depth: Int, path: String) throws(YAMLFault) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        var firstMarks: [String: YAMLMark] = [:]
        while true {
            let event = try next()
            switch event {
            case .end: return entries
            case .scalar(let mark, let key, _):
                let path = path.isEmpty ? key : "\(path).\(key)"
                if let first = firstMarks.updateValue(mark, forKey: key) {
                    throw YAMLFault(
                        mark: mark,
                        text: "\(shown(path)): given twice, first at line \(first.line); expected it once")
                }
                let value = try node(try next(), depth: depth, path: path)
                entries.append(YAMLEntry(key: key, mark: mark, value: value))
            case .list(let mark), .mapping(let mark):
                throw YAMLFault(mark: mark, text: "expected a word as key, got a list or a mapping")
            case .other(let mark):
                throw YAMLFault(mark: mark, text: "not valid YAML: expected a key")
            case .streamEnd:
                throw YAMLFault(mark: currentMark, text: "not valid YAML: it ends within a mapping")
            }
        }
    }

    private func checkDepth(_ depth: Int, at mark: YAMLMark) throws(YAMLFault) {
        guard depth >= YAMLComposer.depthMax else { return }
        throw YAMLFault(
            mark: mark,
            text: "nested too deep; expected at most \(YAMLComposer.depthMax) levels")
    }
}

// MARK: - libyaml's events as values

extension YAMLComposer {
    private enum Event {
        case scalar(YAMLMark, String, plain: Bool)
        case list(YAMLMark)
        case mapping(YAMLMark)
        case end(YAMLMark)
        case other(YAMLMark)
        case streamEnd
    }

    private var currentMark: YAMLMark { YAMLMark(parser.pointee.mark) }

    private func next() throws(YAMLFault) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw parserFault() }
        defer { yaml_event_delete(&event) }
        let mark = YAMLMark(event.start_mark)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuseTag(scalar.tag, at: mark)
            let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .scalar(
                mark, String(decoding: text, as: UTF8.self), plain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
        case YAML_SEQUENCE_START_EVENT:
            try refuseTag(event.data.sequence_start.tag, at: mark)
            return .list(mark)
        case YAML_MAPPING_START_EVENT:
            try refuseTag(event.data.mapping_start.tag, at: mark)
            return .mapping(mark)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end(mark)
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_ALIAS_EVENT:
            throw YAMLFault(mark: mark, text: "aliases (*name) are not accepted; expected the value itself")
        default: return .other(mark)  // the starts and ends of the stream and of documents
        }
    }

    private func refuseTag(_ tag: UnsafeMutablePointer<yaml_char_t>?, at mark: YAMLMark) throws(YAMLFault) {
        guard tag != nil else { return }
        throw YAMLFault(mark: mark, text: "tags (!name) are not accepted; expected the value itself")
    }

    private func parserFault() -> YAMLFault {
        let state = parser.pointee
        guard let problem = state.problem else {
            return YAMLFault(mark: currentMark, text: "not valid YAML: not enough memory")
        }
        if state.error == YAML_READER_ERROR {
            let mark = YAMLMark(offset: state.problem_offset, in: bytes)
            return YAMLFault(mark: mark, text: "not valid YAML: \(String(cString: problem))")
        }
        let mark = YAMLMark(state.problem_mark)
        var text = "not valid YAML: \(String(cString: problem))"
        if let context = state.context {
            text += ", \(String(cString: context)) from line \(state.context_mark.line + 1)"
        }
        if indentationHasTab(line: mark.line) {
            text += "; indentation has a tab here, expected spaces"
        }
        return YAMLFault(mark: mark, text: text)
    }

    private func indentationHasTab(line: Int) -> Bool {
        var current = 1
        var inIndentation = true
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if current == line { return false }
                current += 1
                inIndentation = true
            } else if current == line, inIndentation {
                if byte == UInt8(ascii: "\t") { return true }
                inIndentation = byte == UInt8(ascii: " ")
            }
        }
        return false
    }
}

extension YAMLMark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    /// The place of a byte of a UTF-8 text.
    init(offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        self.init(line: 1, column: 1)
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {  // continuation bytes are no characters of their own
                column += 1
            }
        }
    }
}
