/** Shaders of cloud.js (GLSL as three.js prepares it). Colours are sRGB as they are shown. */

/** Points: nearer ones are larger; dimmed ones are pale, small and behind all others. */
export const POINT_VERTEX = `
  attribute vec3 tint;
  attribute float dimmed;
  attribute float glyph;
  uniform float size, crowding, pixelRatio, reference, glyphs;
  varying vec3 vTint;
  varying float vDimmed, vGlyph, vPixels;
  void main() {
    vec4 seen = modelViewMatrix * vec4(position, 1.0);
    gl_Position = projectionMatrix * seen;
    float nearness = clamp(reference / max(-seen.z, 1e-6), 0.4, 3.0);
    float grown = crowding * (glyphs > 0.5 ? size * 2.6 : size * 1.6);
    vPixels = max(2.0, grown * nearness * pixelRatio * (dimmed > 0.5 ? 0.7 : 1.0));
    gl_PointSize = vPixels;
    if (dimmed > 0.5) gl_Position.z = mix(gl_Position.z, gl_Position.w, 0.999);
    vTint = tint;
    vDimmed = dimmed;
    vGlyph = glyph;
  }
`;

export const POINT_FRAGMENT = `
  uniform vec3 backdrop;
  uniform sampler2D atlas;
  uniform float glyphs;
  varying vec3 vTint;
  varying float vDimmed, vGlyph, vPixels;
  void main() {
    float alpha;
    vec3 color = vTint;
    if (glyphs > 0.5) {
      vec2 place = vec2((vGlyph + gl_PointCoord.x) / 10.0, 1.0 - gl_PointCoord.y);
      alpha = texture2D(atlas, place).a;
    } else {
      float far = length(gl_PointCoord - 0.5) * 2.0;
      float edge = 2.0 / vPixels;
      alpha = 1.0 - smoothstep(1.0 - edge, 1.0, far);
      color = mix(color, backdrop, 0.45 * smoothstep(0.6, 1.0, far));
    }
    if (alpha < 0.3) discard;
    gl_FragColor = vec4(mix(color, backdrop, vDimmed * 0.78), alpha);
  }
`;

export const MARKER_VERTEX = `
  attribute vec3 tint;
  attribute vec2 form;
  uniform float pixelRatio;
  varying vec3 vTint;
  varying float vPixels, vShape;
  void main() {
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
    vPixels = form.x * pixelRatio;
    gl_PointSize = vPixels;
    vShape = form.y;
    vTint = tint;
  }
`;

/** Ring 0, disc 1, cross 2, each with an edge in the colour of the stage. */
export const MARKER_FRAGMENT = `
  uniform vec3 backdrop;
  uniform float pixelRatio;
  varying vec3 vTint;
  varying float vPixels, vShape;
  void main() {
    vec2 place = (gl_PointCoord - 0.5) * vPixels;
    float radius = vPixels * 0.5 - 1.0;
    float stroke = 1.5 * pixelRatio;
    float away;
    if (vShape < 0.5) away = abs(length(place) - radius + 2.0 * stroke) - stroke;
    else if (vShape < 1.5) away = length(place) - radius + 2.0 * stroke;
    else {
      vec2 turned = abs(vec2(place.x + place.y, place.x - place.y)) * 0.7071;
      float arm = radius - 2.0 * stroke;
      away = min(max(turned.x - stroke, turned.y - arm), max(turned.y - stroke, turned.x - arm));
    }
    float inside = 1.0 - smoothstep(-0.5, 0.5, away);
    float rim = 1.0 - smoothstep(-0.5, 0.5, away - stroke);
    if (rim < 0.01) discard;
    gl_FragColor = vec4(mix(backdrop, vTint, inside), rim);
  }
`;

/** Each segment is a quad between its two ends on the screen, cut at the near plane. */
export const LINE_VERTEX = `
  attribute vec3 end;
  attribute vec2 corner;
  attribute vec3 tint;
  uniform vec2 resolution;
  uniform float width, pixelRatio;
  varying vec3 vTint;
  varying float vAlong, vAcross;
  vec4 cut(vec4 clip, vec4 other) {
    float nearest = 1e-4;
    if (clip.w >= nearest || other.w <= nearest) return clip;
    return mix(clip, other, (nearest - clip.w) / (other.w - clip.w));
  }
  void main() {
    vec4 a = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
    vec4 b = projectionMatrix * modelViewMatrix * vec4(end, 1.0);
    vec4 from = cut(a, b);
    vec4 to = cut(b, a);
    vec2 start = from.xy / from.w * resolution * 0.5;
    vec2 stop = to.xy / to.w * resolution * 0.5;
    vec2 way = stop - start;
    float longness = length(way);
    vec2 along = longness > 1e-6 ? way / longness : vec2(1.0, 0.0);
    float halfWidth = 0.5 * width * pixelRatio + 1.0;
    vec2 offset = vec2(-along.y, along.x) * corner.y * halfWidth + along * (corner.x * 2.0 - 1.0) * 0.5 * width * pixelRatio;
    gl_Position = corner.x < 0.5 ? from : to;
    gl_Position.xy += offset / resolution * 2.0 * gl_Position.w;
    vTint = tint;
    vAlong = corner.x * longness / pixelRatio;
    vAcross = corner.y * halfWidth;
  }
`;

export const LINE_FRAGMENT = `
  uniform float width, dashed, pixelRatio;
  varying vec3 vTint;
  varying float vAlong, vAcross;
  void main() {
    if (dashed > 0.5 && mod(vAlong, 8.0) > 5.0) discard;
    float alpha = clamp(0.5 * width * pixelRatio + 0.5 - abs(vAcross), 0.0, 1.0);
    if (alpha < 0.01) discard;
    gl_FragColor = vec4(vTint, alpha);
  }
`;
