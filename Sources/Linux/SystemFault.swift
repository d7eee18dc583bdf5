import Glibc

/// A system call that failed: which one, on what, and the kernel's `errno`.
package struct SystemFault: Error, Sendable, CustomStringConvertible {
    /// The name of the call, as in its manual page.
    package let call: String
    /// The object of the call (a path or an address); empty when there is none.
    package let subject: String
    /// The kernel's error number.
    package let code: Int32

    /// A fault with the current `errno`, unless another code is given.
    package init(_ call: String, on subject: String = "", code: Int32 = errno) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    /// The kernel's text for the code, without the call (strerror(3)).
    package var reason: String { String(cString: strerror(code)) }

    package var description: String {
        subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
    }
}
