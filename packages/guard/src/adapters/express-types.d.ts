/** What the tests use of Express, which ships no types. */
declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface ExpressRequest extends IncomingMessage {
    readonly originalUrl: string
  }
  type Next = (error?: unknown) => void
  type Handler = (request: ExpressRequest, response: ServerResponse, next: Next) => void
  type ErrorHandler = (error: unknown, request: ExpressRequest, response: ServerResponse, next: Next) => void

  export interface Router {
    (request: IncomingMessage, response: ServerResponse, next?: Next): void
    use(handler: Handler | ErrorHandler): this
    use(path: string, handler: Handler): this
    get(path: string, handler: Handler): this
    post(path: string, handler: Handler): this
  }

  const express: { (): Router; Router(): Router }
  export default express
}
