import { sha256 } from '@noble/hashes/sha2.js';

/** Above this, a file is hashed piece by piece: WebCrypto takes only whole buffers. */
const maxBufferedBytes = 32 * 1024 * 1024;

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Hashes in pure JavaScript: WebAssembly would need `wasm-unsafe-eval` in the CSP. */
export async function sha256Streaming(file: Blob): Promise<string> {
  const hash = sha256.create();
  const reader = file.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) hash.update(piece.value);
  return toHex(hash.digest());
}

async function sha256Whole(file: Blob): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer())));
}

/** SHA-256 in lower-case hex. WebCrypto exists on https and localhost only. */
export function sha256File(file: Blob): Promise<string> {
  const native = globalThis.isSecureContext && file.size <= maxBufferedBytes;
  return native ? sha256Whole(file) : sha256Streaming(file);
}
