import type { FastifyDynamicSwaggerOptions, SwaggerTransformObject } from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** How the OpenAPI document comes out of the zod schemas of the routes. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Swarmkeeper',
      version: '1',
      description: 'What one tracker instance knows of its cluster and of the contents, and what may be changed.',
    },
    components: {
      securitySchemes: {
        adminToken: { type: 'http', scheme: 'bearer', description: 'Not needed from the same machine' },
      },
    },
  },
  transform: jsonSchemaTransform,
  transformObject: (document) => withoutInputVariants(jsonSchemaTransformObject(document)),
};

/** Each named schema comes twice, as replies have it and as requests would; no request refers to a named one. */
function withoutInputVariants(document: ReturnType<SwaggerTransformObject>): ReturnType<SwaggerTransformObject> {
  const schemas = ('components' in document && document.components?.schemas) || {};
  for (const name of Object.keys(schemas)) if (name.endsWith('Input')) delete schemas[name];
  return document;
}
