// The least that can judge a token: Node's own verification of its signature, with the key kept.
import { type KeyObject, verify } from 'node:crypto'

/** Verifies an RS256 signature and looks at nothing else of the token, not even when it ends. */
export function bareVerify(key: KeyObject): (token: string) => boolean {
  return (token) => {
    const end = token.lastIndexOf('.')
    const signed = Buffer.from(token.slice(0, end), 'latin1')
    return verify('sha256', signed, key, Buffer.from(token.slice(end + 1), 'base64url'))
  }
}
