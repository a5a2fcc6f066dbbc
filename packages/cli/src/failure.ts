/** An error as it is told to people and programs. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly aadsts?: readonly number[]
  readonly correlationId?: string
}

/** Reads what tomte's errors carry. Of any other error nothing but its message is known, and no cause is ever told. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error))
    return { code: 'unexpected', message: 'Cannot go on: something that is no error was thrown' }
  const facts = error as Error & Partial<Record<keyof Failure, unknown>>
  const { code, hint, aadsts, correlationId } = facts
  return {
    code: typeof code === 'string' ? code : 'unexpected',
    message: error.message,
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(Array.isArray(aadsts) && aadsts.length > 0 ? { aadsts } : {}),
    ...(typeof correlationId === 'string' ? { correlationId } : {}),
  }
}

/** The failure in lines for a person. */
export function failureText({ message, hint, correlationId }: Failure): string {
  const lines = [message]
  if (hint !== undefined) lines.push(`Next: ${hint}`)
  if (correlationId !== undefined) lines.push(`Correlation id: ${correlationId}`)
  return `${lines.join('\n')}\n`
}
