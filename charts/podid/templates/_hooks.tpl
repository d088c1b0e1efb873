{{/* Annotations of a hook's object: [events, weight]. It is removed when all hooks of the event are done. */}}
{{- define "podid.hook" -}}
helm.sh/hook: {{ index . 0 }}
helm.sh/hook-weight: {{ index . 1 | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* Pod fields of every hook's Job; takes the root. */}}
{{- define "podid.hook.pod" -}}
restartPolicy: Never
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.mic.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "podid.mic.tolerations" . }}
tolerations:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "podid.hook.resources" -}}
requests: { cpu: 50m, memory: 96Mi }
limits: { memory: 256Mi }
{{- end -}}
