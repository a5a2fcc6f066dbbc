import type { FastifyRequest } from 'fastify'

/** Why a Graph call is refused: the status, and the code and message of its error body (wire.md §13.1). */
export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly status: number
  readonly code: string
  /** Where to go instead. */
  readonly location: string | undefined

  constructor(status: number, code: string, message: string, location?: string) {
    super(message)
    this.status = status
    this.code = code
    this.location = location
  }
}

/** 400: what the client sent cannot be done. */
export const badRequest = (message: string) => new GraphError(400, 'Request_BadRequest', message)

/** 400: a query option or operator that is not supported is never ignored. */
export const unsupportedQuery = (message: string) => new GraphError(400, 'Request_UnsupportedQuery', message)

/** 404: nothing of that id in this tenant. */
export const notFound = (id: string) =>
  new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id.slice(0, 200)}' does not exist or one of its queried reference-property objects are not present.`,
  )

/** The error body of a Graph response. */
export function errorBody(code: string, message: string, request: FastifyRequest, nowMs: number): object {
  return {
    error: {
      code,
      message,
      innerError: {
        date: new Date(nowMs).toISOString().slice(0, 19),
        'request-id': request.id,
        'client-request-id': clientRequestId(request),
      },
    },
  }
}

/** The id the client gave its request, or the server's own. */
export function clientRequestId(request: FastifyRequest): string {
  const sent = request.headers['client-request-id']
  return typeof sent === 'string' && /^[\w-]{1,100}$/.test(sent) ? sent : request.id
}
