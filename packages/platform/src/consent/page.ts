import type { FastifyInstance } from 'fastify'
import type { Services } from '../platform.ts'

export function consentRoutes(_app: FastifyInstance, _services: Services): void {}
