// What the tests use of express 5, whose types are a package of their own.
declare module 'express' {
  import type { RequestListener } from 'node:http'

  export interface Incoming {
    readonly auth: { readonly payload: Readonly<Record<string, unknown>> }
  }
  export interface Outgoing {
    status(code: number): Outgoing
    json(body: unknown): void
  }
  export type Handler = (...of: never[]) => unknown
  export type Request = Incoming
  interface Application extends RequestListener {
    use(handler: Handler): void
    get(path: string, handler: Handler): void
  }
  export default function express(): Application
}
