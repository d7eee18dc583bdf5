package import Linux

/// One case played between a client, a proxy and a recorder.
package struct Conversation: Sendable {
    /// What the client saw, the answer to the probe left out.
    package private(set) var client: [UInt8] = []
    /// The client's connection has ended.
    package private(set) var hasEnded = false
    /// A second request on the client's connection was answered right behind the first.
    package private(set) var stays = false
    /// What servers saw.
    package private(set) var server: [UInt8] = []
    /// How many requests that looked like to a lenient server.
    package private(set) var requests = 0
    /// The connection to the server served the probe as well.
    package private(set) var serverStays = false

    private static let probe = Array("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n".utf8)

    /// Plays a case; `patience` is the time without a byte, in milliseconds, after which nothing more is expected.
    package init(
        _ item: Case, over address: SocketAddress, _ recorder: Recorder, inPieces: Bool = false,
        patience: Int32
    ) {
        recorder.begin(item.response.map(Case.bytes), inPieces: inPieces, closes: item.serverCloses)
        let line = Line(to: address)
        let request = Case.bytes(item.request)
        if inPieces {
            for byte in request { guard line.send([byte]) else { break } }
        } else {
            line.send(request)
        }
        let expected = Conversation.expectedBytes(item)
        while !hasEnded {
            if Conversation.isWhole(client, item, expected) { break }
            guard read(line, patience) else { break }
        }
        (server, requests) = recorder.record
        probe(line, address, patience)
        serverStays = recorder.connections == 1
        if server.isEmpty { (server, requests) = recorder.record }
    }

    private mutating func read(_ line: Line, _ patience: Int32) -> Bool {
        switch line.read(milliseconds: patience) {
        case .bytes(let bytes): client += bytes
        case .end: hasEnded = true
        case .nothing: return false
        }
        return true
    }

    /// Asks once more, on the same connection when it is open.
    private mutating func probe(_ line: Line, _ address: SocketAddress, _ patience: Int32) {
        let second = hasEnded ? Line(to: address) : line
        second.send(Conversation.probe)
        var answer: [UInt8] = []
        var ended = false
        reading: while !Loose.contains(answer, "probe-ok"), !ended {
            switch second.read(milliseconds: patience) {
            case .bytes(let bytes): answer += bytes
            case .end: ended = true
            case .nothing: break reading
            }
        }
        guard !hasEnded else { return }
        stays = answer.starts(with: Array("HTTP/1.1 200".utf8)) && Loose.contains(answer, "probe-ok")
        if !stays {
            client += answer
            hasEnded = ended
        }
    }

    /// The bytes that the client gets, where the case says so.
    private static func expectedBytes(_ item: Case) -> [UInt8]? {
        guard case .relayed(let text, _, _) = item.wanted else { return nil }
        return Case.bytes(text)
    }

    /// Enough has come to look at what follows: a connection that is to end is read to its end.
    private static func isWhole(_ client: [UInt8], _ item: Case, _ expected: [UInt8]?) -> Bool {
        switch item.wanted {
        case .refused, .refusedInBody, .cut: return false
        case .forwarded(_, let keeps):
            guard keeps, Loose.count("\r\n\r\n", in: client) >= item.responses else { return false }
            return item.request.hasPrefix("HEAD") || client.suffix(2) == Array("ok".utf8)
        case .relayed(_, let stays, _): return stays && client.count >= expected?.count ?? 0
        case .answered, .badGateway:
            guard let end = client.firstRange(of: Array("\r\n\r\n".utf8)) else { return false }
            return client.count > end.upperBound && client.last == 10
        }
    }

    // MARK: What it means

    /// What is wrong, measured by the case; nil when all is as wanted.
    package func fault(_ item: Case, server address: SocketAddress, inPieces: Bool = false) -> String? {
        let statuses = Loose.statuses(client)
        switch item.wanted {
        case .refused(let status), .refusedInBody(let status):
            guard statuses == [status] else { return "answered \(statuses) instead of \(status)" }
            guard hasEnded else { return "the connection stays open" }
            if inPieces, case .refusedInBody = item.wanted {
                if requests > 0 { return "a server saw a whole request" }
                if let poison = item.poison, Loose.contains(server, poison) {
                    return "a server saw \(poison)"
                }
            } else if !server.isEmpty {
                return "a server saw \(Case.text(server).debugDescription)"
            }
        case .answered(let status):
            guard statuses == [status], server.isEmpty else {
                return "answered \(statuses), server \(Case.text(server))"
            }
            if !stays { return "the connection does not stay" }
        case .forwarded(let text, let keeps):
            let seen = text.replacing("{server}", with: "\(address)")
            guard server == Case.bytes(seen) else {
                return "the server saw \(Case.text(server).debugDescription)"
            }
            guard statuses == [Int](repeating: 200, count: item.responses) else {
                return "answered \(statuses)"
            }
            if keeps != stays { return keeps ? "the connection does not stay" : "the connection stays" }
        case .relayed(let text, let clientStays, let serverStays):
            guard Conversation.equal(client, Case.bytes(text)) else {
                return "the client saw \(Case.text(client).debugDescription)"
            }
            if clientStays != stays { return "the client's connection \(stays ? "stays" : "does not stay")" }
            if serverStays != self.serverStays {
                return "the server's connection is \(self.serverStays ? "" : "not ")used again"
            }
        case .badGateway:
            guard statuses == [502] else {
                return "answered \(statuses), client \(Case.text(client).debugDescription)"
            }
            guard stays, !serverStays else { return "client stays: \(stays), server stays: \(serverStays)" }
        case .cut(let text):
            guard Conversation.equal(client, Case.bytes(text)), hasEnded, !stays else {
                return "the client saw \(Case.text(client).debugDescription)"
            }
        }
        return nil
    }

    /// Equal but for what the date is.
    private static func equal(_ seen: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard seen.count == wanted.count else { return false }
        var seen = seen
        for range in wanted.ranges(of: Case.bytes(Case.date)) {
            let line = seen[range]
            guard line.starts(with: Array("Date: ".utf8)), line.suffix(6) == Array(" GMT\r\n".utf8) else {
                return false
            }
            seen.replaceSubrange(range, with: wanted[range])
        }
        return seen == wanted
    }

    /// What happened, in a few words that are the same for every proxy.
    package func summary(_ item: Case) -> String {
        let statuses = Loose.statuses(client).map(String.init).joined(separator: ", ")
        let answer = statuses.isEmpty ? (hasEnded ? "closes without an answer" : "no answer") : statuses
        var words = [answer]
        if item.response == nil {
            if requests > Loose.statuses(client).count(where: { $0 > 199 }) {
                words.append("the server takes it for \(requests) requests")
            }
            if server.isEmpty {
                if stays { words.append("stays open") }
            } else if requests == 0 {
                words.append("the server gets a part of it")
            } else {
                words.append("forwarded")
            }
            if case .forwarded = item.wanted, let poison = item.poison, Loose.contains(server, poison) {
                words.append("with `\(poison)`")
            }
        } else {
            words.append(stays ? "client stays" : hasEnded ? "client closed" : "client waits")
            words.append(serverStays ? "server used again" : "server closed")
            if let poison = item.poison, Loose.contains(client, poison) { words.append("with `\(poison)`") }
        }
        return words.joined(separator: "; ")
    }
}
