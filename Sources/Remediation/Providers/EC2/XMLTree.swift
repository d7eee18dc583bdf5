import CExpat

/// Why some bytes are no XML that is read here.
enum XMLFault: Error, Equatable, CustomStringConvertible {
    case empty
    /// expat's own word, and the line.
    case malformed(String, line: Int)
    /// It ends within an element.
    case truncated
    /// It declares a document type: entities could make it grow without limit.
    case documentType
    case tooDeep
    case tooLarge

    var description: String {
        switch self {
        case .empty: "it is empty"
        case .malformed(let why, let line): "it is no XML (\(why) in line \(line))"
        case .truncated: "it ends in the middle"
        case .documentType: "it declares a document type"
        case .tooDeep: "its elements are nested more than \(XMLNode.depthMax) deep"
        case .tooLarge: "it has more than \(XMLNode.elementsMax) elements"
        }
    }
}

/// An element with its text and its elements; attributes and namespaces are left out.
struct XMLNode: Sendable, Equatable {
    /// Elements within elements.
    static let depthMax = 32
    /// Elements of one document: a page of 1000 instances has some 200,000.
    static let elementsMax = 500_000

    let name: String
    fileprivate(set) var text = ""
    fileprivate(set) var children: [XMLNode] = []

    fileprivate init(name: String) { self.name = name }

    /// The first element of this name.
    subscript(_ name: String) -> XMLNode? { children.first { $0.name == name } }

    /// The first element on a path of names.
    func node(_ path: String...) -> XMLNode? {
        var node: XMLNode? = self
        for name in path { node = node?[name] }
        return node
    }

    /// The text of an element without white space around it; nil when it is missing or empty.
    func text(_ path: String...) -> String? {
        var node: XMLNode? = self
        for name in path { node = node?[name] }
        let trimmed = node.map { node in
            node.text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
        }
        return trimmed.flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// The elements named `item` of an element.
    func items(_ name: String) -> [XMLNode] { self[name]?.children.filter { $0.name == "item" } ?? [] }

    /// Reads a document.
    static func parse(_ bytes: [UInt8]) throws(XMLFault) -> XMLNode {
        guard bytes.contains(where: { $0 > 0x20 }) else { throw .empty }
        guard let parser = XML_ParserCreate(nil) else { throw .tooLarge }
        defer { XML_ParserFree(parser) }
        let builder = Builder(parser: parser)
        XML_SetUserData(parser, Unmanaged.passUnretained(builder).toOpaque())
        XML_SetElementHandler(
            parser, { context, name, _ in Builder.of(context)?.begin(name) },
            { context, _ in Builder.of(context)?.end() })
        XML_SetCharacterDataHandler(parser) { context, text, length in
            Builder.of(context)?.add(text, Int(length))
        }
        XML_SetStartDoctypeDeclHandler(parser) { context, _, _, _, _ in
            Builder.of(context)?.refuse(.documentType)
        }
        let status = withExtendedLifetime(builder) {
            bytes.withUnsafeBytes {
                XML_Parse(
                    parser, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: $0.count), 1)
            }
        }
        if let fault = builder.fault { throw fault }
        guard status == XML_STATUS_OK else {
            let code = XML_GetErrorCode(parser)
            let isAtEnd = XML_GetCurrentByteIndex(parser) >= bytes.count - 1
            if code == XML_ERROR_NO_ELEMENTS && builder.isOpen && isAtEnd || code == XML_ERROR_UNCLOSED_TOKEN
                || code == XML_ERROR_PARTIAL_CHAR
            {
                throw .truncated
            }
            let why = XML_ErrorString(code).map { String(cString: $0) } ?? "unknown error"
            throw .malformed(why, line: Int(XML_GetCurrentLineNumber(parser)))
        }
        guard let root = builder.root else { throw .truncated }
        return root
    }

    /// What expat's callbacks build.
    private final class Builder {
        private let parser: XML_Parser
        private var open: [XMLNode] = []
        private var elements = 0
        private(set) var root: XMLNode?
        private(set) var fault: XMLFault?

        init(parser: XML_Parser) { self.parser = parser }

        static func of(_ context: UnsafeMutableRawPointer?) -> Builder? {
            context.map { Unmanaged<Builder>.fromOpaque($0).takeUnretainedValue() }
        }

        var isOpen: Bool { !open.isEmpty }

        func begin(_ name: UnsafePointer<XML_Char>?) {
            elements += 1
            if elements > XMLNode.elementsMax { return refuse(.tooLarge) }
            if open.count >= XMLNode.depthMax { return refuse(.tooDeep) }
            let name = name.map { String(cString: $0) } ?? ""
            // A prefix is a matter of namespaces, which are left out.
            open.append(
                XMLNode(name: name.lastIndex(of: ":").map { String(name[$0...].dropFirst()) } ?? name))
        }

        func end() {
            guard let node = open.popLast() else { return }
            if open.isEmpty {
                root = node
            } else {
                open[open.count - 1].children.append(node)
            }
        }

        func add(_ text: UnsafePointer<XML_Char>?, _ length: Int) {
            guard let text, !open.isEmpty else { return }
            text.withMemoryRebound(to: UInt8.self, capacity: length) {
                open[open.count - 1].text += String(
                    decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
            }
        }

        func refuse(_ fault: XMLFault) {
            guard self.fault == nil else { return }
            self.fault = fault
            XML_StopParser(parser, XML_Bool(XML_FALSE))
        }
    }
}
