import Linux
import Store

/// What every agent asks Redis again and again, in one exchange: whether the troop is paused, what the flags are, and
/// what the leader wants of this host.
///
/// Exchanges are what a troop's agents cost Redis most: one costs it about as much as five commands do.
struct Round: Sendable {
    private let store: Store
    private let pause: PauseSwitch
    private let flags: FlagBook
    private let orders: OrderTaker

    /// A round of these.
    init(store: Store, pause: PauseSwitch, flags: FlagBook, orders: OrderTaker) {
        self.store = store
        self.pause = pause
        self.flags = flags
        self.orders = orders
    }

    /// Asks, and hands out the answers; `hosts` is the troop's size.
    func go(hosts: Int) async {
        let orderAsking = await orders.asking()
        let pauseReading = await pause.begin()
        var questions = [pause.question]
        if let orderAsking { questions.append(orderAsking.question) }
        let flagTurn = await flags.turn(hosts: hosts)
        if case .along = flagTurn { questions += flags.questions }
        var replies: ArraySlice<Reply>
        do throws(StoreFault) {
            replies = try await store.ask(questions)[...]
        } catch {
            await pause.miss(error)
            await flags.miss()
            return
        }
        if let reply = replies.popFirst() { await pause.take(reply, of: pauseReading) }
        if let orderAsking, let reply = replies.popFirst() {
            Task { [orders] in await orders.take(reply, to: orderAsking) }  // a reboot takes its time
        }
        switch flagTurn {
        case .rest: break
        case .along(let reading): await flags.take(Array(replies), of: reading)
        case .alone: await flags.look()
        }
    }
}
