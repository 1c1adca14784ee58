/**
 * The metadata of an ONNX file, which the browser runtime does not show.
 *
 *   onnxMetadata(bytes)         -> Map of the first short metadata_props (ModelProto field 14)
 *   checkpointSha256(metadata)  -> the hash in "made_from", or ""
 *
 * A file that is no protocol buffer gives an empty map: the runtime says what is wrong with it.
 */

const METADATA_FIELD = 14;
/** What is longer, or comes later, is not ours. */
const MAX_ENTRIES = 100;
const MAX_ENTRY_BYTES = 4_096;
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** @param {Uint8Array} bytes @returns {Map<string, string>} */
export function onnxMetadata(bytes) {
  const found = new Map();
  try {
    for (const [field, value] of bytesFields(bytes)) {
      if (field !== METADATA_FIELD || value.length > MAX_ENTRY_BYTES || found.size === MAX_ENTRIES) continue;
      const entry = new Map(bytesFields(value));
      const decoder = new TextDecoder();
      found.set(decoder.decode(entry.get(1)), decoder.decode(entry.get(2)));
    }
  } catch {
    return new Map();
  }
  return found;
}

/** @param {Map<string, string>} metadata @returns {string} */
export function checkpointSha256(metadata) {
  try {
    const hash = JSON.parse(metadata.get("made_from") ?? "{}").checkpoint_sha256;
    return typeof hash === "string" ? hash : "";
  } catch {
    return "";
  }
}

/** @param {Uint8Array} bytes @returns {Generator<[number, Uint8Array]>} length-delimited fields */
function* bytesFields(bytes) {
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (place >= bytes.length || factor > 2 ** 63) throw new RangeError("no varint");
      const byte = bytes[place++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (place < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === VARINT) varint();
    else if (kind === FIXED64) place += 8;
    else if (kind === FIXED32) place += 4;
    else if (kind === BYTES) {
      const size = varint();
      if (place + size > bytes.length) throw new RangeError("cut off");
      yield [field, bytes.subarray(place, place + size)];
      place += size;
    } else throw new RangeError("unknown kind");
  }
}
