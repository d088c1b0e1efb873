/** A protobuf message that breaks the wire format. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

export interface WireField {
  readonly number: number
  /** Number of a varint or fixed field, bytes of a length-delimited one. */
  readonly value: bigint | Buffer
}

/** Reads the fields of one protobuf message in their order. @throws WireError */
export function* wireFields(message: Buffer): Generator<WireField> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at]
      if (byte === undefined) break
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new WireError('unexpected end of a varint')
  }
  const bytes = (length: number): Buffer => {
    if (at + length > message.length) throw new WireError('unexpected end of a field')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = Number(varint())
    const number = tag >>> 3
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        yield { number, value: bytes(8).readBigUInt64LE() }
        break
      case 2:
        yield { number, value: bytes(Number(varint())) }
        break
      case 5:
        yield { number, value: BigInt(bytes(4).readUInt32LE()) }
        break
      default:
        throw new WireError(`unknown wire type ${tag & 7}`)
    }
  }
}
