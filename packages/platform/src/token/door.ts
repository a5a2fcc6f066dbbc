import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { answerToken, type TokenEndpoint, type TokenRequest } from './endpoint.ts'
import { BODY_BYTES_MAX } from './routes.ts'

export interface TokenDoor extends TokenEndpoint {
  /** The names under which the authority answers, as a Host header has them. */
  readonly hosts: () => readonly string[]
  readonly onFailure: (error: unknown) => void
}

/**
 * Lets plain token requests in without the router, whose work is a tenth of a token's: a POST to a known name, a path
 * without escapes, a length that is stated and within the limit. `others` gets everything else, and knows the same endpoints.
 */
export function tokenDoor(door: TokenDoor, others: RequestListener): RequestListener {
  return (incoming, response) => {
    const found = isPlain(incoming, door.hosts()) ? PATH.exec(incoming.url ?? '') : null
    if (!found) return others(incoming, response)
    const [, tenantName = '', second] = found
    const version = second === undefined ? 1 : 2
    const { method = '', headers, socket } = incoming
    const ipAddress = socket.remoteAddress ?? ''
    readBody(incoming, (body) => {
      void answer(door, { version, method, tenantName, headers, body, ipAddress }, response)
    })
  }
}

const PATH = /^\/([A-Za-z0-9.-]{1,253})\/oauth2\/(v2\.0\/)?token$/

function isPlain({ method, headers }: IncomingMessage, hosts: readonly string[]): boolean {
  const length = headers['content-length']
  return (
    method === 'POST' &&
    length !== undefined &&
    Number(length) <= BODY_BYTES_MAX &&
    headers.expect === undefined &&
    hosts.includes(headers.host?.toLowerCase() ?? '')
  )
}

/** Calls back when all of the body is there. A client that leaves before that gets no answer, as it would not see it. */
function readBody(incoming: IncomingMessage, done: (body: string) => void): void {
  const pieces: Buffer[] = []
  incoming.on('data', (piece: Buffer) => pieces.push(piece))
  incoming.on('end', () => done(pieces.length === 1 ? String(pieces[0]) : Buffer.concat(pieces).toString()))
  incoming.on('error', () => {})
}

async function answer(door: TokenDoor, request: TokenRequest, response: ServerResponse): Promise<void> {
  const { status, headers, body } = await answerToken(door, request, door.onFailure)
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
