import CHiredis

/// How much one reply may hold; a peer that sends more is cut off.
struct ReplyLimits: Sendable {
    /// The bytes of all texts in one reply, and of one text not yet complete.
    var bytesMax = 64 * 1024 * 1024
    /// The replies within one reply, nested ones included.
    var elementsMax = 1_000_000
}

/// Cuts a stream of bytes into replies: hiredis reads the protocol, the builder makes the values.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let builder: ReplyBuilder

    init(limits: ReplyLimits = ReplyLimits()) throws(StoreFault) {
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyBuilder.functions)
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw .unreachable("out of memory")
        }
        self.reader = reader
        builder = ReplyBuilder(limits: limits)
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Bytes that have come and belong to no finished reply.
    var hasRest: Bool { reader.pointee.len > reader.pointee.pos || builder.isInside }

    /// Takes bytes in, cut anywhere.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(StoreFault) {
        let waiting = reader.pointee.len - reader.pointee.pos
        guard waiting + bytes.count <= builder.limits.bytesMax + ReplyReader.lineBytesMax else {
            throw .malformed("a reply of more than \(builder.limits.bytesMax) bytes")
        }
        let text = bytes.bindMemory(to: CChar.self)
        guard redisReaderFeed(reader, text.baseAddress, text.count) == REDIS_OK else { throw fault() }
    }

    /// The next reply that is complete; nil when more bytes are needed.
    func next() throws(StoreFault) -> Reply? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw fault() }
        return object == nil ? nil : builder.take()
    }

    /// Room for the frame around a text of the greatest size.
    private static let lineBytesMax = 64 * 1024

    private func fault() -> StoreFault {
        if let refusal = builder.refusal { return .malformed(refusal) }
        let text = withUnsafeBytes(of: &reader.pointee.errstr) { raw in
            String(decoding: raw.prefix { (32...126).contains($0) }, as: UTF8.self)
        }
        return .malformed(text.isEmpty ? "unreadable" : text)
    }
}

/// Makes one reply from hiredis's events. Arrays are filled in order, so a stack of the open ones is enough;
/// nothing is allocated for what a header merely announces.
private final class ReplyBuilder {
    private struct OpenArray {
        var missing: Int
        var elements: [Reply] = []
    }

    let limits: ReplyLimits
    /// Why the reply under construction was refused.
    private(set) var refusal: String?
    private var open: [OpenArray] = []
    private var finished: Reply?
    private var bytes = 0
    /// The elements of all arrays of this reply, whether they have come or not.
    private var announced = 0

    init(limits: ReplyLimits) { self.limits = limits }

    var isInside: Bool { !open.isEmpty }

    func take() -> Reply? {
        defer {
            finished = nil
            bytes = 0
            announced = 0
        }
        return finished
    }

    func addText(type: Int32, _ text: UnsafeRawBufferPointer) -> Bool {
        bytes += text.count
        guard bytes <= limits.bytesMax else {
            refusal = "a reply of more than \(limits.bytesMax) bytes"
            return false
        }
        switch type {
        case REDIS_REPLY_STATUS: return add(.status(String(decoding: text, as: UTF8.self)))
        case REDIS_REPLY_ERROR:
            return add(.error(ReplyError(line: String(decoding: text.prefix(1024), as: UTF8.self))))
        default: return add(.bulk([UInt8](text)))
        }
    }

    func addArray(count: Int) -> Bool {
        guard count <= limits.elementsMax - announced else {
            refusal = "a reply of more than \(limits.elementsMax) elements"
            return false
        }
        guard count > 0 else { return add(.array([])) }
        announced += count
        open.append(OpenArray(missing: count))
        return true
    }

    func add(_ reply: Reply) -> Bool {
        var reply = reply
        while let last = open.indices.last {
            open[last].elements.append(reply)
            open[last].missing -= 1
            if open[last].missing > 0 { return true }
            reply = .array(open.removeLast().elements)
        }
        finished = reply
        return true
    }

    /// hiredis keeps the objects only as marks that something was made: any pointer but null serves.
    private static func mark(_ made: Bool) -> UnsafeMutableRawPointer? {
        made ? UnsafeMutableRawPointer(bitPattern: 1) : nil
    }

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyBuilder? {
        guard let context = task?.pointee.privdata else { return nil }
        return Unmanaged<ReplyBuilder>.fromOpaque(context).takeUnretainedValue()
    }

    static var functions: redisReplyObjectFunctions {
        redisReplyObjectFunctions(
            createString: { task, text, count in
                guard let task, let builder = ReplyBuilder.of(task) else { return nil }
                let bytes = UnsafeRawBufferPointer(start: text, count: count)
                return ReplyBuilder.mark(builder.addText(type: task.pointee.type, bytes))
            },
            createArray: { task, count in
                guard let builder = ReplyBuilder.of(task) else { return nil }
                return ReplyBuilder.mark(builder.addArray(count: Int(count)))
            },
            createInteger: { task, number in
                guard let builder = ReplyBuilder.of(task) else { return nil }
                return ReplyBuilder.mark(builder.add(.integer(number)))
            },
            createNil: { task in
                guard let builder = ReplyBuilder.of(task) else { return nil }
                return ReplyBuilder.mark(builder.add(.null))
            },
            freeObject: nil)
    }
}
