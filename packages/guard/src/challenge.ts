import { type GuardRefusal, REFUSALS } from './refusal.ts'

/**
 * The `WWW-Authenticate` value of a refusal (RFC 6750 §3): without an `error` where no token was sent, with `claims` in base64
 * where another token would do (wire.md §11).
 */
export function challenge({ code, claims }: Pick<GuardRefusal, 'code' | 'claims'>): string {
  const { error, description } = REFUSALS[code]
  const facts = [
    'realm=""',
    ...(error === undefined ? [] : [`error="${error}"`, `error_description="${description}"`]),
    ...(claims === undefined ? [] : [`claims="${Buffer.from(claims).toString('base64')}"`]),
  ]
  return `Bearer ${facts.join(', ')}`
}
