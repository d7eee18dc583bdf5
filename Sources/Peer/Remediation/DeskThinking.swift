import Election
import Linux
import Proxy
import Remediation
import Store

/// What the desk sees and decides.
extension RemediationDesk {
    /// Which policy wants something.
    enum Monkey: String { case gift, doctor }

    /// What one policy makes of the moment, for people.
    struct Opinion {
        var sees: String
        var thinks: String
        var would: String?
        var rail: Guard?
        var heldBack: String?
    }

    struct Reading {
        var switches = RemediationSwitches()
        var launches = 0
        var remedies = 0
        var nowByStore: Int64 = 0
    }

    static let countMilliseconds: Int64 = 60_000
    static let hourMilliseconds: Int64 = 3_600_000
    static let dayMilliseconds: Int64 = 86_400_000

    /// Looks, decides, publishes.
    func think(token: String) async {
        let began = Instant.now()
        var fault = await parts.board.fault
        // What people have set stays in force while it cannot be read: a pause above all.
        var reading = Reading(switches: lead?.switches ?? RemediationSwitches())
        do {
            reading = try await read(token: token)
        } catch {
            fault = "\(error)"
        }
        guard lead?.lease.token == token else { return }
        lead?.switches = reading.switches
        let now = Instant.now()
        if fault == nil, let lease = lead?.lease {
            await lookForOperations(at: now, storeMs: reading.nowByStore, lease)
        }
        var view = await view(at: now)
        await hearWitnesses(&view, storeMs: reading.nowByStore, token: token, at: now)
        guard lead?.lease.token == token else { return }
        // In place: what the policies remember of 10,000 hosts is not to be copied once a second.
        let again = again(reading.switches, view, at: now)
        guard let gift = lead?.gift.look(at: view, now: now),
            let doctor = lead?.doctor.look(at: view, fleetIsHot: gift.isHot, again: again, now: now)
        else { return }
        lead?.gone = doctor.gone
        var context = context(view, reading, fault: fault, at: now)
        context.storm = doctor.storm
        countNowAndThen(at: now)
        var opinions: [(Monkey, Opinion)] = []
        let giftMode = reading.switches.giftMode ?? parts.settings.gift.mode
        let doctorMode = reading.switches.doctorMode ?? parts.settings.doctor.mode
        opinions.append(
            (.gift, await consider(gift.wish.map { [$0] } ?? [], .gift, giftMode, &context, token)))
        opinions.append((.doctor, await consider(doctor.wishes, .doctor, doctorMode, &context, token)))
        opinions[0].1.sees = sees(gift, context)
        opinions[0].1.thinks = opinions[0].1.would == nil ? thinks(gift) : opinions[0].1.thinks
        opinions[1].1.sees = sees(doctor, view, context)
        if doctor.hotLeader != nil {
            opinions[1].1 = await hotLeader(doctor, opinions[1].1, doctorMode, context, reading, token)
        } else if opinions[1].1.would == nil {
            opinions[1].1.thinks =
                doctor.storm ?? (doctor.hot.isEmpty ? "nobody is ill" : "nothing to be done")
        }
        await publish(opinions, [.gift: giftMode, .doctor: doctorMode], context, token)
        tally(opinions, [.gift: giftMode, .doctor: doctorMode], context, since: began)
    }
}
