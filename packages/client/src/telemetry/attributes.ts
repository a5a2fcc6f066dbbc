import type { Attributes } from '@opentelemetry/api'
import { TomteError } from '../errors.ts'

/** The name under which tracers and meters are asked for. */
export const SCOPE_NAME = '@tomte/client'

/** Buckets for durations in seconds, as the semantic conventions advise for HTTP. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

// What a server calls its refusal comes from outside: nothing but a few words of small letters, or the name of a class of
// errors, is passed on.
const WORD = /^(?:[a-z]{2,24}(?:_(?:[a-z]{1,24}|\d{3})){0,5}|[A-Z][A-Za-z]{0,40}Error)$/
const OTHER = '_OTHER'

/** `error.type`: the stable code of our errors, else the error's name; never a message, which may quote the other side. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return OTHER
  const word = error instanceof TomteError ? error.code : error.name
  return WORD.test(word) ? word : OTHER
}

/** `server.address` and `server.port` of a URL. */
export function serverAttributes({ hostname, port }: URL): Attributes {
  return { 'server.address': hostname, 'server.port': port === '' ? 443 : Number(port) }
}
