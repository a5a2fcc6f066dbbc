import { type JwtPart, numericDate } from '../jwt.ts'
import { TokenRefusal } from './refusal.ts'

/** By how much clocks may differ. */
export const SKEW_SECONDS = 300

/** Refuses an assertion outside of its time, give or take 300 s for clocks that differ. @throws TokenRefusal 700024, 50027. */
export function checkTime(claims: JwtPart, nowMs: number): void {
  const expires = numericDate(claims['exp'])
  const from = numericDate(claims['nbf'] ?? claims['iat'] ?? 0)
  const nowSeconds = nowMs / 1000
  if (expires === undefined || from === undefined) {
    throw new TokenRefusal(50027, { reason: 'exp and nbf must be numbers of seconds.' })
  }
  if (nowSeconds < from - SKEW_SECONDS || nowSeconds > expires + SKEW_SECONDS) {
    throw new TokenRefusal(700024, { now: iso(nowMs), from: iso(from * 1000), to: iso(expires * 1000) })
  }
}

/** A moment as refusals print it. */
export const iso = (ms: number): string => new Date(ms).toISOString()
