export function secretPath(number: number): string;
