import { type GuardRefusal, REFUSALS } from './refusal.ts'

/** The `WWW-Authenticate` value of a refusal (RFC 6750 §3): without an `error` where no token was sent. */
export function challenge(refusal: GuardRefusal): string {
  const { error, description } = REFUSALS[refusal.code]
  return error === undefined
    ? 'Bearer realm=""'
    : `Bearer realm="", error="${error}", error_description="${description}"`
}
