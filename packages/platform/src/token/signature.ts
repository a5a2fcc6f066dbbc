import { type KeyObject, sign } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'

const signInThread = promisify(sign)

/**
 * Signs with RS256 (RFC 7518 §3.3) and returns the signature in base64url. A signature is most of what a token costs: where
 * there are cores besides, it is made in a thread, so that they share the work; on a single core the way there would only cost.
 */
export async function signatureOf(
  text: string,
  key: KeyObject,
  inThread: boolean = HAS_OTHER_CORES,
): Promise<string> {
  const data = Buffer.from(text)
  const signature = inThread ? await signInThread('sha256', data, key) : sign('sha256', data, key)
  return signature.toString('base64url')
}

const HAS_OTHER_CORES = availableParallelism() > 1
