declare module 'hcl2-parser';
