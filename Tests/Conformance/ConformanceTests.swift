import Conformance
import Linux
import Proxy
import Testing

/// Every case of the table against the real proxy, over sockets.
@Suite(.timeLimit(.minutes(5))) struct ConformanceTests {
    private static let patience: Int32 = 10_000
    /// Longer requests are not sent byte by byte: that would take a minute.
    private static let piecesMax = 2_000

    private func play(_ item: Case, inPieces: Bool) throws -> (fault: String?, snapshot: ProxySnapshot) {
        let recorder = try Recorder()
        defer { recorder.stop() }
        var settings = ProxySettings(
            listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1)
        settings.connectionsPerWorker = 16
        let proxy = try Proxy(settings)
        defer { proxy.stop() }
        proxy.publish([RoutedServer(address: recorder.address, host: "recorder")])
        try proxy.open()
        let address = try #require(proxy.address)
        let conversation = Conversation(
            item, over: address, recorder, inPieces: inPieces, patience: ConformanceTests.patience)
        return (conversation.fault(item, server: recorder.address, inPieces: inPieces), proxy.snapshot())
    }

    @Test func theTableIsLongAndNamesNothingTwice() {
        #expect(Case.all.count >= 150)
        var names: Set<String> = []
        for item in Case.all { #expect(names.insert(item.name).inserted, "\(item.name)") }
    }

    @Test(arguments: Case.all.map(\.name))
    func theProxyDoesWhatTheTableSays(_ name: String) throws {
        let item = try #require(Case.all.first { $0.name == name })
        let (fault, snapshot) = try play(item, inPieces: false)
        #expect(fault == nil, "\(item.source)")
        switch item.wanted {
        case .refused, .refusedInBody:
            #expect(snapshot.listener.requestFaults.values.reduce(0, +) == 1)
            #expect(snapshot.listener.rejectedHeads == 1)
        case .badGateway: #expect(snapshot.listener.responseFaults.values.reduce(0, +) == 1)
        case .answered, .forwarded, .relayed, .cut:
            #expect(snapshot.listener.requestFaults.isEmpty && snapshot.listener.responseFaults.isEmpty)
        }
    }

    @Test func bytesThatComeOneByOneChangeNothing() throws {
        for item in Case.all where item.request.utf8.count < ConformanceTests.piecesMax {
            if let response = item.response {
                // What comes behind a response that is passed on already can only end it, and how content is cut
                // into chunks depends on how it comes.
                if item.poison == "poison" || response.contains("chunked") || item.serverCloses { continue }
            }
            let fault = try play(item, inPieces: true).fault
            #expect(fault == nil, "\(item.name)")
        }
    }
}
