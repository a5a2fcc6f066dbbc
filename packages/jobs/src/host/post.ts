import { request as requestInClear } from 'node:http'
import { request } from 'node:https'

/** What is posted, and within which limits. */
export interface Posted {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** For the whole exchange. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** How the other side answered, or why it did not. */
export type PostAnswer = { readonly status: number } | { readonly fault: string }

/** Posts once, and resolves whatever comes of it. */
export type Post = (url: URL, posted: Posted) => Promise<PostAnswer>

/** Posts on a connection of its own, follows no redirect, and does not read the body of the answer. */
export const postOnce: Post = (url, { body, headers, timeoutMs, signal }) =>
  new Promise((resolve) => {
    const send = url.protocol === 'https:' ? request : requestInClear
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const length = { 'content-length': String(Buffer.byteLength(body)) }
    const options = { method: 'POST', agent: false, headers: { ...headers, ...length }, signal: limit }
    const outgoing = send(url, options, (incoming) => {
      resolve({ status: incoming.statusCode ?? 0 })
      incoming.destroy()
    })
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve({ fault: error.code ?? error.message }))
    outgoing.end(body)
  })
