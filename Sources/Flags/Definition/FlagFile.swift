/// A flagd file: `{"flags": {…}, "$evaluators": {…}, "metadata": {…}}`, and the fields it stands for.
package enum FlagFile {
    /// The fields of a file, each checked; throws everything that is wrong, with the flag's name.
    package static func fields(_ bytes: [UInt8]) throws(DefinitionFault) -> [(field: String, text: String)] {
        let json: JSON
        do {
            json = try JSONReader.read(bytes)
        } catch {
            throw DefinitionFault("", "no JSON: \(error)")
        }
        guard let file = json.members, let flags = file["flags"]?.members else {
            throw DefinitionFault("flags", "expected a flagd file: {\"flags\": {\"NAME\": {…}}}")
        }
        for member in file.members
        where !["flags", "$evaluators", "metadata", "$schema"].contains(member.name) {
            throw DefinitionFault(
                member.name.quotable, "there is no such member; there are flags, $evaluators, metadata")
        }
        var fields: [(field: String, text: String)] = []
        var faults: [FlagFault] = []
        var evaluators = JSONObject()
        do throws(DefinitionFault) {
            if let json = file["$evaluators"] {
                evaluators = try Flag.evaluators(json)
                if evaluators.count > 0 { fields.append((FlagKey.evaluators, json.compactText)) }
            }
            if let json = file["metadata"] {
                if try Flag.metadata(json).count > 0 { fields.append((FlagKey.metadata, json.compactText)) }
            }
        } catch {
            faults += error.faults
        }
        for member in flags.members {
            do throws(DefinitionFault) {
                if let fault = FlagKey.fault(member.name) { throw DefinitionFault("", fault) }
                let text = member.value.compactText
                guard text.utf8.count <= Flag.bytesMax else {
                    throw DefinitionFault("", "has \(text.utf8.count) bytes; it may have \(Flag.bytesMax)")
                }
                _ = try Flag(member.value, evaluators: evaluators)
                fields.append((member.name, text))
            } catch {
                faults += error.faults.map { fault in
                    let place = "flags.\(member.name.quotable)"
                    return FlagFault(
                        path: fault.path.isEmpty ? place : "\(place).\(fault.path)", problem: fault.problem)
                }
            }
        }
        guard faults.isEmpty else { throw DefinitionFault(Array(faults.prefix(FlagFault.toldMax))) }
        return fields
    }

    /// The file that stands for fields, in order of names; a field that is no JSON is left out.
    package static func file(_ fields: [String: String]) -> JSON {
        var flags = JSONObject()
        var file: [(String, JSON)] = [("$schema", .string("https://flagd.dev/schema/v0/flags.json"))]
        for (key, text) in fields.sorted(by: { $0.key < $1.key }) {
            guard let json = try? JSONReader.read(Array(text.utf8)) else { continue }
            switch key {
            case FlagKey.evaluators, FlagKey.metadata: break
            default: flags[key] = json
            }
        }
        file.append(("flags", .object(flags)))
        for (key, name) in [(FlagKey.evaluators, "$evaluators"), (FlagKey.metadata, "metadata")] {
            if let json = fields[key].flatMap({ try? JSONReader.read(Array($0.utf8)) }) {
                file.append((name, json))
            }
        }
        return .object(JSONObject(file))
    }
}
