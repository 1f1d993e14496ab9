/** The package has no types; what is taken of it are files. */
declare module 'swagger-ui-dist/*';
