/**
 * On-disk layouts as tables: each structure is declared once, as field names with offset and type,
 * and decoded from bytes into a plain object of numbers.
 */

export type FieldType = 'u8' | 'i8' | 'u16' | 'u32' | 'i32' | 'u64' | `bytes:${number}`;
export type Field = readonly [offsetBytes: number, type: FieldType];
export type Fields = Readonly<Record<string, Field>>;

export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: F[K][1] extends `bytes:${number}` ? Uint8Array : number;
};

export interface Layout<F extends Fields> {
  /** Bytes from the structure's beginning to the end of its last declared field. */
  readonly sizeBytes: number;
  readonly fields: F;
  /** Decodes the structure that begins at `at`; the bytes must hold all of it. */
  decode(bytes: Uint8Array, at?: number): Decoded<F>;
}

const fixedWidth: Readonly<Record<string, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
};

function widthOf(type: FieldType): number {
  return fixedWidth[type] ?? Number(type.slice('bytes:'.length));
}

function decodeField(view: DataView, at: number, type: FieldType, little: boolean) {
  switch (type) {
    case 'u8':
      return view.getUint8(at);
    case 'i8':
      return view.getInt8(at);
    case 'u16':
      return view.getUint16(at, little);
    case 'u32':
      return view.getUint32(at, little);
    case 'i32':
      return view.getInt32(at, little);
    case 'u64':
      // Above 2^53 the number is rounded, but still larger than every device, so bounds checks
      // work.
      return Number(view.getBigUint64(at, little));
    default:
      return new Uint8Array(view.buffer, view.byteOffset + at, widthOf(type)).slice();
  }
}

/** Declares a layout. `endian` is that of every number in it. */
export function layout<const F extends Fields>(endian: 'little' | 'big', fields: F): Layout<F> {
  const entries = Object.entries(fields);
  const sizeBytes = Math.max(0, ...entries.map(([, [at, type]]) => at + widthOf(type)));
  return {
    sizeBytes,
    fields,
    decode(bytes, at = 0) {
      if (at < 0 || at + sizeBytes > bytes.length) {
        throw new RangeError(
          `layout of ${sizeBytes} bytes does not fit at ${at} of ${bytes.length}`,
        );
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, sizeBytes);
      // A plain loop: there may be millions of structures.
      const decoded: Record<string, number | Uint8Array> = {};
      for (const [name, [fieldAt, type]] of entries) {
        decoded[name] = decodeField(view, fieldAt, type, endian === 'little');
      }
      return decoded as Decoded<F>;
    },
  };
}
