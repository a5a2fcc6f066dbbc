import { badRequest } from '../graph/errors.ts'
import { bodyObject } from '../graph/query.ts'
import { propertyRefused } from '../registration/stored-properties.ts'

type Sent = Readonly<Record<string, unknown>>

const NAME_LENGTH_MAX = 256

/** Refuses properties that are not among these. @throws GraphError 400. */
export function onlyThese(sent: Sent, names: readonly string[]): void {
  const other = Object.keys(sent).find((name) => !names.includes(name))
  if (other !== undefined) throw propertyRefused(other)
}

/** The name that every policy needs. @throws GraphError 400. */
export function requiredName(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= NAME_LENGTH_MAX) return value
  throw badRequest(
    `A value of at most ${NAME_LENGTH_MAX} characters is required for property 'displayName' of a policy.`,
  )
}

/** A text that may be absent. @throws GraphError 400. */
export function optionalText(value: unknown, name: string): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && value.length <= 1024) return value
  throw badRequest(`Invalid value specified for property '${name}'.`)
}

/** A flag that may be absent. @throws GraphError 400. */
export function optionalFlag(value: unknown, name: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  throw badRequest(`Invalid value specified for property '${name}'.`)
}

/** A list of texts that may be absent. @throws GraphError 400. */
export function textList(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.length <= 1000 && value.every((one) => typeof one === 'string'))
    return value as readonly string[]
  throw badRequest(`Property '${name}' must be a list of texts.`)
}

/** An object that may be absent. @throws GraphError 400. */
export const optionalObject = (value: unknown): Sent => bodyObject(value ?? {})

/** Whether SDKs would send this for a condition that nobody set. */
export const isUnset = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0)
