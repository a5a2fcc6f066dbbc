// The least that gets a token: one request with node:https over a connection that is kept, and JSON.parse.
import { Agent, request } from 'node:https'

/** Posts a body and resolves with the text that came back. */
export type Post = (url: string, body: string) => Promise<string>

export function bareClient(ca: string): Post {
  const agent = new Agent({ keepAlive: true, ca })
  return (url, body) =>
    new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      }
      const outgoing = request(url, { agent, method: 'POST', headers }, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
        incoming.on('error', reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
}

/** What the authority says, read as far as every client must. */
export function parseToken(text: string): string {
  const { access_token: token } = JSON.parse(text) as { access_token?: unknown }
  if (typeof token !== 'string') throw new TypeError('Cannot measure: the authority sent no token')
  return token
}
