const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * Whether what is there says what a file states: of objects the file may leave out what is as it would be anyway, nothing is as good as
 * null, and GUIDs have no case.
 */
export function agrees(stated: unknown, there: unknown): boolean {
  if (stated === null || stated === undefined) return there === null || there === undefined
  if (Array.isArray(stated))
    return (
      (Array.isArray(there) || (there === undefined && stated.length === 0)) &&
      stated.length === ((there as readonly unknown[] | undefined) ?? []).length &&
      stated.every((one, index) => agrees(one, (there as readonly unknown[])[index]))
    )
  if (typeof stated === 'object')
    return (
      typeof there === 'object' &&
      there !== null &&
      !Array.isArray(there) &&
      Object.entries(stated).every(([name, value]) => agrees(value, (there as Record<string, unknown>)[name]))
    )
  if (typeof stated === 'string' && typeof there === 'string' && GUID.test(stated))
    return stated.toLowerCase() === there.toLowerCase()
  return stated === there
}
