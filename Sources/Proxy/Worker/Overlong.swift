import HTTP

/// The limit for a whole exchange, which progress does not extend.
extension Worker {
    /// Ends the exchanges that have taken too long as a whole.
    mutating func endOverlong() {
        for index in 0..<Int32(clients.highWater) {
            let client = clients[index]
            guard now - client.pointee.began > limits.total else { continue }
            switch client.pointee.phase {
            // These have limits of their own.
            case .free, .idle, .lingering, .securing, .relaying, .head: continue
            case .queued, .connecting, .exchange, .answering: endOverlong(index, client)
            }
        }
    }

    private mutating func endOverlong(_ index: Int32, _ client: ClientPointer) {
        blame(index, .timeoutTotal)
        if client.pointee.phase == .answering || client.pointee.exchange.responseBegan {
            cut(index, client)
        } else if client.pointee.exchange.requestBody.isDone || client.pointee.exchange.awaitsContinue {
            answer(index, client, 504, "proxy: the exchange took too long as a whole")
        } else {
            client.pointee.exchange.endClient()
            answer(index, client, 408, "client: the request took too long as a whole")
        }
    }
}
