import Glibc
import Linux

/// The terminal at standard input, letter by letter: without echo, until it is put back as it was.
final class Keyboard: Sendable {
    private let saved: termios

    /// Takes the terminal over and goes to its second screen; nil when standard input or output is none.
    init?() {
        var mode = termios()
        guard isatty(STDIN_FILENO) == 1, Terminal.canPlace, tcgetattr(STDIN_FILENO, &mode) == 0 else {
            return nil
        }
        saved = mode
        resume()
    }

    /// Takes the terminal (again): the second screen, no cursor, no echo, Ctrl-C as a letter.
    func resume() {
        var mode = saved
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        withUnsafeMutableBytes(of: &mode.c_cc) { letters in
            letters[Int(VMIN)] = 0
            letters[Int(VTIME)] = 0
        }
        tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
        Output.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
    }

    /// Puts the terminal back as it was.
    func restore() {
        Output.write("\u{1B}[?25h\u{1B}[?1049l")
        var mode = saved
        tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
    }

    /// The keys that were pressed within a time, at least one turn of it; nil when the terminal is gone.
    func keys(within milliseconds: Int32) -> [TopScreen.Key]? {
        var watched = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, milliseconds) > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count == 0 || watched.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 { return nil }
        return Keyboard.keys(in: Array(bytes.prefix(max(0, count))))
    }

    /// The keys in what a terminal sends.
    static func keys(in bytes: [UInt8]) -> [TopScreen.Key] {
        var keys: [TopScreen.Key] = []
        var rest = bytes[...]
        while let byte = rest.first {
            let sequences: [(String, TopScreen.Key)] = [
                ("\u{1B}[A", .up), ("\u{1B}OA", .up), ("\u{1B}[B", .down), ("\u{1B}OB", .down),
                ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown), ("\u{1B}[H", .home), ("\u{1B}[1~", .home),
                ("\u{1B}[F", .end), ("\u{1B}[4~", .end),
            ]
            if let (sequence, key) = sequences.first(where: { rest.starts(with: $0.0.utf8) }) {
                keys.append(key)
                rest = rest.dropFirst(sequence.utf8.count)
                continue
            }
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"), 0x03, 0x04: keys.append(.quit)
            case 0x1B where rest.isEmpty: keys.append(.quit)
            case UInt8(ascii: "r"): keys.append(.reverse)
            case UInt8(ascii: "k"): keys.append(.up)
            case UInt8(ascii: "j"): keys.append(.down)
            case UInt8(ascii: " "): keys.append(.pageDown)
            default:
                let order = TopScreen.Order(rawValue: Character(UnicodeScalar(byte)))
                keys.append(order.map { .order($0) } ?? .other)
            }
        }
        return keys
    }
}
